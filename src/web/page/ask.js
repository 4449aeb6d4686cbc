// Asks the server, and says what became of it.

import { known, words } from "/words.js";

const SHOWN_MS = 4000;
let hiding;

/** Says something for a moment. */
export function tell(text, bad = false) {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  toast.dataset.bad = bad;
  toast.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (toast.hidden = true), SHOWN_MS);
}

/** The answer as JSON; null where there is none, or once the reason was said. */
export async function ask(method, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  try {
    const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    if (answer.status === 204) return null;
    const json = await answer.json();
    if (answer.status === 401 && location.pathname !== "/login") location.assign("/login");
    if (answer.ok) return json;
    const refused = `refused-${json.code}`;
    tell(words("failed", { why: known(refused) ? words(refused) : (json.detail ?? json.title) }), true);
  } catch {
    tell(words("failed", { why: words("unreachable") }), true);
  }
  return null;
}

/** Chooses dark or light, as kept. */
export function dress() {
  document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "dark";
}

/** Changes between dark and light. */
export function undress() {
  localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  dress();
}
