// What the page says, in the language that was chosen.

import { CATALOGUE, LANGUAGES } from "/catalogue.js";

const KEPT = "language";
const wanted = localStorage.getItem(KEPT) ?? navigator.language.slice(0, 2);
const index = Math.max(0, LANGUAGES.indexOf(wanted));

/** The words of `key`, with `{name}` replaced by `values.name`. */
export function words(key, values = {}) {
  const text = CATALOGUE[key]?.[index] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Whether there are words for a code that the server sent. */
export const known = (key) => Object.hasOwn(CATALOGUE, key);

/** Sets the texts and labels that the HTML leaves to the catalogue. */
export function translate(root = document) {
  document.documentElement.lang = LANGUAGES[index];
  for (const element of root.querySelectorAll("[data-words]")) element.textContent = words(element.dataset.words);
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", words(element.dataset.label));
  }
  for (const element of root.querySelectorAll("[data-hint]")) element.placeholder = words(element.dataset.hint);
}

/** What switches say, which their style draws. */
export function nameSwitches() {
  for (const word of ["on", "off"]) document.documentElement.style.setProperty(`--${word}`, JSON.stringify(words(word)));
}

/** Goes on in the next language. */
export function nextLanguage() {
  localStorage.setItem(KEPT, LANGUAGES[(index + 1) % LANGUAGES.length]);
  location.reload();
}

export const MARK = { low: "▼", high: "▲", indeterminate: "◆" };

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const share = (p) => p.toFixed(2);

export const whole = (n) => n.toLocaleString(LANGUAGES[index]);

export const clock = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor((ms % 60_000) / 1000)).padStart(2, "0")}`;

export const time = (iso) =>
  new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
