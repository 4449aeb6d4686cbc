// The device page: how the box is, looked at again every few seconds.

import { ask, dress, undress } from "/ask.js";
import { known, nextLanguage, sentence, translate, whole, words } from "/words.js";

const EVERY_MS = 5000;
const MARKS = { ok: "✓", warning: "!", fault: "✗" };

const byId = (id) => document.getElementById(id);

function row(table, name, texts, level = "ok") {
  const line = table.insertRow();
  line.dataset.level = level;
  line.appendChild(document.createElement("th")).textContent = name;
  for (const text of texts) line.insertCell().textContent = text;
}

const say = (name, text, bad) => [words(name), text, bad ? "fault" : "ok"];

function showBox({ findings, space }, state) {
  const table = byId("box");
  table.replaceChildren();
  const { signal, rates, store, model, panel_fault: panel } = state;
  const hours = space.hours_left === null ? "" : `, ${words("hoursLeft", { hours: whole(Math.floor(space.hours_left)) })}`;
  const reason = signal.reason ? `: ${signal.reason}` : "";
  const name = `${model.name} ${model.version}, SHA-256 ${model.sha256}`;
  const lines = [
    say("signal", `${words(signal.state)}${reason}`, signal.state !== "live"),
    say("source", state.source),
    say("speed", words("speedOf", { ms: rates.latency_ms.toFixed(0), fresh: rates.new_fps.toFixed(1), dropped: whole(rates.dropped) })),
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

async function look() {
  const [device, state] = await Promise.all([ask("GET", "/api/v1/device"), ask("GET", "/api/v1/state")]);
  if (device && state) {
    byId("label").textContent = state.label;
    byId("at").textContent = new Date(device.now).toLocaleString();
    showBox(device, state);
    showOutbox(device.outbox);
  }
  setTimeout(look, EVERY_MS);
}

byId("language").addEventListener("click", nextLanguage);
byId("theme").addEventListener("click", undress);

dress();
translate();
look();
