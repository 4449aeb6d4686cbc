// The device page: how the box is, looked at again every few seconds.

import { ask, dress, undress } from "/ask.js";
import { card } from "/card.js";
import { known, nameSwitches, nextLanguage, sentence, translate, whole, words } from "/words.js";

const EVERY_MS = 5000;
const MARKS = { unknown: "–", ok: "✓", warning: "!", fault: "✗" };
const LOG_MARKS = { error: "✗", warn: "!", info: "", debug: "" };

const byId = (id) => document.getElementById(id);

function row(table, name, texts, level = "ok") {
  const line = table.insertRow();
  line.dataset.level = level;
  line.appendChild(document.createElement("th")).textContent = name;
  for (const text of texts) line.insertCell().textContent = text;
}

const say = (name, text, bad, told = true) => [words(name), text, bad ? "fault" : told ? "ok" : "unknown"];

function showBox({ findings, space }, state) {
  const table = byId("box");
  table.replaceChildren();
  const { signal, rates, store, model, panel_fault: panel } = state;
  const hours = space.hours_left === null ? "" : `, ${words("hoursLeft", { hours: whole(Math.floor(space.hours_left)) })}`;
  const reason = signal.reason ? `: ${signal.reason}` : "";
  const name = `${model.name} ${model.version}, SHA-256 ${model.sha256}`;
  const live = signal.state === "live";
  const lines = [
    say("signal", `${words(signal.state)}${reason}`, !live),
    say("source", state.source),
    say("speed", words("speedOf", { ms: rates.latency_ms.toFixed(0), fresh: rates.new_fps.toFixed(1), dropped: whole(rates.dropped) }), false, live),
    say("storage", `${(space.free_bytes / 1e9).toFixed(1)} GB${hours}`, store.fault !== null),
    say("modelCard", `${name}. ${state.label}`),
  ];
  if (store.fault) lines.push(say("storage", store.fault, true));
  if (panel) lines.push(say("panel", panel, true));
  for (const [what, text, level] of lines) row(table, what, [`${MARKS[level]} ${text}`], level);
  for (const { check, level, found, advice } of findings) {
    const text = advice ? `${found}. ${sentence(advice)}` : found;
    row(table, known(check) ? words(check) : check, [`${MARKS[level] ?? "!"} ${text}`], level);
  }
}

function showOutbox(outbox) {
  const table = byId("outbox");
  table.replaceChildren();
  const names = Object.keys(outbox);
  byId("nothing").hidden = names.length > 0;
  if (!names.length) return;
  const states = ["pending", "sent", "committed", "rejected"];
  row(table, "", [...states.map((state) => words(state)), words("lastError")]);
  for (const name of names) {
    const counts = outbox[name];
    row(table, name, [...states.map((state) => whole(counts[state])), counts.error ?? ""], counts.rejected ? "fault" : "ok");
  }
}

let cardOf = "";

/** The card of the model in use, once for each model. */
async function showCard({ model, model_from: from }) {
  const newest = `${model.sha256} ${from}`;
  if (newest === cardOf) return;
  const answer = await ask("GET", "/api/v1/model");
  if (!answer) return;
  cardOf = newest;
  byId("card-of").textContent = `${model.name} ${model.version}`;
  byId("card").replaceChildren(...card(answer.card ?? words("noCard", { from })));
}

let logged = "";

/** The log, newest first; the same lines are left alone, so that nothing moves under the reader. */
function showLog({ lines }) {
  const trouble = byId("trouble").getAttribute("aria-checked") === "true";
  const shown = lines.filter(({ level }) => !trouble || level === "warn" || level === "error").reverse();
  const newest = JSON.stringify(shown);
  if (newest === logged) return;
  logged = newest;
  const items = shown.map(({ time, level, text }) => {
    const item = document.createElement("li");
    item.dataset.level = level;
    const at = item.appendChild(document.createElement("time"));
    at.dateTime = time;
    at.textContent = new Date(time).toLocaleTimeString();
    item.appendChild(document.createElement("span")).textContent = LOG_MARKS[level];
    item.appendChild(document.createElement("span")).textContent = text;
    return item;
  });
  byId("log").replaceChildren(...items);
}

async function look() {
  const names = [`device?language=${document.documentElement.lang}`, "state", "log"];
  const paths = names.map((name) => ask("GET", `/api/v1/${name}`));
  const [device, state, log] = await Promise.all(paths);
  if (log) showLog(log);
  if (device && state) {
    showCard(state);
    byId("label").textContent = state.label;
    byId("at").textContent = new Date(device.now).toLocaleString();
    showBox(device, state);
    showOutbox(device.outbox);
  }
  setTimeout(look, EVERY_MS);
}

byId("trouble").addEventListener("click", async ({ currentTarget: button }) => {
  button.setAttribute("aria-checked", button.getAttribute("aria-checked") !== "true");
  const log = await ask("GET", "/api/v1/log");
  if (log) showLog(log);
});
byId("language").addEventListener("click", nextLanguage);
byId("theme").addEventListener("click", undress);

dress();
translate();
nameSwitches();
look();
