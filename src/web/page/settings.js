// What may be set at the bedside: a few keys of the config, by buttons; they hold once no exam runs.

import { ask, tell } from "/ask.js";
import { known, words } from "/words.js";

const STEPS = { "exam.idle_s": 5, "exam.key_frame_every_s": 1, "screen.range_db": 5 };

const byId = (id) => document.getElementById(id);

let changes = {}; // key: value, or null for what the config says

function make(name, text = "", attributes = {}) {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** What a value is called: `screen.pane` is `auto`, said as words. */
const said = (key, value) => (known(`${key}=${value}`) ? words(`${key}=${value}`) : String(value));

function change(key, value, now) {
  if (value === now) delete changes[key];
  else changes[key] = value;
  byId("save").disabled = Object.keys(changes).length === 0;
}

/** A number between two buttons. */
function number(key, value, label) {
  const input = make("input", "", { name: key, type: "number", inputmode: "numeric", "aria-labelledby": label });
  input.value = value;
  input.addEventListener("input", () => change(key, input.value === "" ? value : Number(input.value), value));
  const step = (by, sign) => {
    const button = make("button", sign, { type: "button", "aria-label": `${sign} ${STEPS[key]}` });
    button.addEventListener("click", () => {
      input.value = Math.max(1, Number(input.value) + by);
      input.dispatchEvent(new Event("input"));
    });
    return button;
  };
  return [step(-STEPS[key], "−"), input, step(STEPS[key], "+")];
}

function choice(key, value, choices, label) {
  const select = make("select", "", { name: key, "aria-labelledby": label });
  const all = choices.includes(value) ? choices : [value, ...choices];
  select.append(...all.map((one) => make("option", said(key, one), { value: one })));
  select.value = value;
  select.addEventListener("change", () => change(key, select.value, value));
  return [select];
}

function row({ key, value, config, choices }) {
  const line = make("div", "", { class: "setting" });
  const label = `name-${key}`;
  const control = make("div", "", { class: "control" });
  control.append(...(choices.length ? choice(key, value, choices, label) : number(key, value, label)));
  line.append(make("span", words(key), { id: label }), control);
  if (value !== config) {
    const from = make("p", "", { class: "from" });
    const back = make("button", words("asInConfig"), { type: "button" });
    back.addEventListener("click", () => save({ [key]: null }));
    from.append(make("span", words("configSays", { value: said(key, config) })), back);
    line.append(from);
  }
  return line;
}

function show(answer) {
  changes = {};
  byId("settings").hidden = !answer;
  byId("no-settings").hidden = Boolean(answer);
  if (!answer) return;
  byId("keys").replaceChildren(...answer.settings.map(row));
  byId("save").disabled = true;
  byId("settings-state").textContent = answer.waits ? words("settingsWait") : "";
}

async function save(wanted) {
  const answer = await ask("PUT", "/api/v1/settings", wanted);
  if (!answer) return;
  tell(words("saved"));
  show(answer);
  follow();
}

/** Looks until what was changed holds: the program begins anew between two exams, and is away for a moment. */
async function follow() {
  for (;;) {
    await new Promise((wake) => setTimeout(wake, 2000));
    const answer = await fetch("/api/v1/settings").catch(() => null);
    if (answer?.status === 401) return location.assign("/login");
    if (answer?.ok && !(await answer.json()).waits) break;
  }
  byId("settings-state").textContent = "";
}

byId("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  save(changes);
});

const first = await ask("GET", "/api/v1/settings");
show(first);
if (first?.waits) follow();
