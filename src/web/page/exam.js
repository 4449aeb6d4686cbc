// The exam's buttons: begin and end, marks, patient, opinion.

import { ask, tell } from "/ask.js";
import { draw } from "/draw.js";
import { clock, words } from "/words.js";

const byId = (id) => document.getElementById(id);

let exam = null;
let patient = "";

function say(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

/** Shows what the state says of exam, patient and contrast. */
export function showExamState(state) {
  exam = state.exam;
  const running = exam !== null && !exam.ended;
  document.body.dataset.exam = running ? "running" : "none";
  for (const id of ["flash", "keep"]) byId(id).disabled = !running;
  say("start-words", words(running ? "stop" : "start"));
  say("start-mark", running ? "■" : "▶");
  const who = running ? exam.patient : (state.next_exam?.patient ?? "unknown");
  document.body.dataset.patient = who;
  showPatient(who, running ? exam.id : "next");
  say("by-hand", state.next_exam?.by_hand ? words("byHand") : "");
  say("contrast-time", state.contrast ? clock(state.contrast.since_ms) : "–:––");
  say("contrast-phase", words(state.contrast?.phase ?? "noInjection"));
  byId("judge").hidden = !exam?.ended || exam.verdict.score === null;
  say("judged", exam?.accepted == null ? "" : words(exam.accepted ? "accepted" : "disagreed"));
}

/** Names the patient of the exam that runs. */
async function showPatient(who, of) {
  const newest = `${who} ${of}`;
  if (newest === patient) return;
  patient = newest;
  say("patient-state", words({ unknown: "patientUnknown", emergency: "emergency", known: "named" }[who]));
  if (who !== "known" || of === "next") return;
  const answer = await ask("GET", `/api/v1/exams/${of}`);
  if (answer?.order && patient === newest) say("patient-state", answer.order.patient_id ?? answer.order.patient_name);
}

async function mark(kind, said) {
  if (await ask("POST", "/api/v1/exam/marks", { kind })) tell(said);
}

const ACTIONS = {
  start: async () => {
    const running = exam !== null && !exam.ended;
    if (await ask("POST", `/api/v1/exam/${running ? "stop" : "start"}`)) tell(words(running ? "ended" : "started"));
  },
  injection: () => mark("injection", words("marked", { what: words("injection") })),
  flash: () => mark("flash", words("marked", { what: words("flash") })),
  keep: () => mark("picture", words("kept")),
  lesion: () => draw("roi"),
  reference: () => draw("reference"),
  patient: () => {
    byId("patient-form").reset();
    byId("patient-dialog").showModal();
  },
  accept: () => judge(true, ""),
  disagree: () => byId("comment-dialog").showModal(),
};

for (const [id, action] of Object.entries(ACTIONS)) byId(id).addEventListener("click", action);

async function judge(accepted, comment) {
  if (exam && (await ask("PUT", `/api/v1/exams/${exam.id}/opinion`, { accepted, comment }))) tell(words("saved"));
}

/** Says whose exam it is. */
export async function choose(body) {
  const done = await ask("PUT", "/api/v1/exam/patient", body);
  if (!done) return;
  patient = "";
  byId("patient-dialog").close();
  tell(words("saved"));
}

byId("patient-form").addEventListener("submit", (event) => {
  event.preventDefault();
  choose(Object.fromEntries(new FormData(event.target)));
});
byId("emergency").addEventListener("click", () => choose({ emergency: true }));
byId("comment-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await judge(false, new FormData(event.target).get("comment"));
  byId("comment-dialog").close();
});
for (const button of document.querySelectorAll("dialog [data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

const KEYS = { s: "start", i: "injection", f: "flash", p: "keep", l: "lesion", r: "reference", n: "patient" };

document.addEventListener("keydown", ({ key, ctrlKey, altKey, metaKey, repeat, target }) => {
  const typing = target.closest("input, textarea, select, dialog");
  if (!typing && !ctrlKey && !altKey && !metaKey && !repeat && KEYS[key]) byId(KEYS[key]).click();
});
