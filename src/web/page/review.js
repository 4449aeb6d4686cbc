// The review page: the exams that are stored, and one of them over its time.

import { ask, dress, tell, undress } from "/ask.js";
import { clock, known, MARK, nextLanguage, share, translate, whole, words } from "/words.js";

const PAUSE_MS = 250; // after the last key of a search

const byId = (id) => document.getElementById(id);

let query = "";
let last = null; // the oldest exam in the list
let exam = null;
let frames = [];

const day = (iso) => new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

function nameOf({ order }) {
  if (!order) return words("patientUnknown");
  return order.patient_id ?? order.patient_name ?? words("emergency");
}

const STATE_MARK = { running: "●", interrupted: "!", ended: "" };

const stateOf = ({ state }) => `${STATE_MARK[state]} ${words(`state-${state}`)}`.trim();

function gradeOf({ verdict }) {
  return verdict ? `${MARK[verdict.verdict]} ${words(verdict.verdict)}` : words("noVerdict");
}

/** What pathology found; nothing until then. */
function foundIn({ pathology }) {
  if (!pathology) return "";
  return `${words("pathology")}: ${words(pathology.grade)} (${pathology.reported})`;
}

/** Lists a page of exams, after those that are there or anew. */
async function list(anew) {
  if (anew) last = null;
  const asked = new URLSearchParams({ search: query, limit: 50 });
  if (last) asked.set("before", last);
  const wanted = query;
  const page = await ask("GET", `/api/v1/exams?${asked}`);
  if (!page || wanted !== query) return;
  const items = page.exams.map((one) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.grade = one.verdict?.verdict ?? "none";
    button.dataset.state = one.state;
    const texts = { when: day(one.started), who: nameOf(one), grade: gradeOf(one), state: stateOf(one), found: foundIn(one) };
    for (const [name, text] of Object.entries(texts)) {
      const part = button.appendChild(document.createElement("span"));
      part.className = name;
      part.textContent = text;
    }
    button.addEventListener("click", () => (location.hash = one.id));
    const item = document.createElement("li");
    item.dataset.exam = one.id;
    item.append(button);
    return item;
  });
  if (anew) byId("list").replaceChildren(...items);
  else byId("list").append(...items);
  last = page.exams.at(-1)?.id ?? last;
  byId("older").hidden = !page.more;
  byId("none").hidden = byId("list").children.length > 0;
  if (page.damaged.length) tell(page.damaged[0], true);
  choose();
}

function choose() {
  for (const item of byId("list").children) {
    item.firstChild.setAttribute("aria-current", item.dataset.exam === exam?.id);
  }
}

async function open(id) {
  const [one, scores] = await Promise.all([ask("GET", `/api/v1/exams/${id}`), allFrames(id)]);
  if (!one || !scores || location.hash !== `#${id}`) return;
  [exam, frames] = [one, scores];
  byId("choose").hidden = true;
  byId("exam").hidden = false;
  byId("label").textContent = exam.label;
  byId("when").textContent = day(exam.started);
  byId("who").textContent = `${words("patient")}: ${nameOf(exam)}`;
  byId("state").textContent = stateOf(exam);
  byId("found").textContent = foundIn(exam);
  byId("found").hidden = !exam.pathology;
  const { verdict } = exam;
  document.body.dataset.grade = verdict?.verdict ?? "none";
  byId("verdict-mark").textContent = MARK[verdict?.verdict] ?? "";
  byId("verdict-text").textContent = words(verdict?.verdict ?? "noVerdict");
  byId("verdict-figures").textContent = figures(verdict);
  const { model, engine } = exam.provenance;
  const name = `${model.name} ${model.version} (${model.sha256.slice(0, 8)})`;
  showKinetics(exam);
  byId("made").textContent = words("madeWith", { model: name, engine });
  byId("export").href = `/api/v1/exams/${id}/export?language=${document.documentElement.lang}`;
  byId("notes").value = exam.notes ?? "";
  byId("comment").value = exam.opinion?.comment ?? "";
  const { opinion } = exam;
  byId("opinion").textContent = opinion ? words(opinion.accepted ? "accepted" : "disagreed") : words("noOpinion");
  byId("accept").disabled = byId("disagree").disabled = !verdict;
  const scrub = byId("scrub");
  scrub.max = Math.max(0, exam.pictures.length - 1);
  scrub.value = 0;
  scrub.disabled = exam.pictures.length < 2;
  byId("no-pictures").hidden = exam.pictures.length > 0;
  byId("pair").hidden = exam.pictures.length === 0;
  choose();
  show();
}

const FIGURES = {
  arrival_s: 1,
  time_to_peak_s: 1,
  peak: 4,
  wash_in_per_s: 4,
  mean_transit_s: 1,
  wash_out: 0,
};

/** What the curves say, side by side; a fit that is not to be trusted is called so above its figures. */
function showKinetics({ enhancement }) {
  const fits = [enhancement?.lesion, enhancement?.reference];
  const table = byId("kinetics");
  table.replaceChildren();
  const row = (name, cells, tag = "td") => {
    const line = table.insertRow();
    line.appendChild(document.createElement("th")).textContent = name;
    for (const [text, poor] of cells) {
      const cell = line.appendChild(document.createElement(tag));
      cell.textContent = text;
      cell.classList.toggle("poor", poor === true);
    }
  };
  row("", [[words("lesion")], [words("reference")], [words("ratio")]], "th");
  const quality = (fit) => (fit ? `${fit.r2.toFixed(2)}${fit.poor ? `, ${words("poorFit")}` : ""}` : words("noFit"));
  row(words("r2"), [...fits.map((fit) => [quality(fit), fit?.poor]), [""]]);
  for (const [figure, digits] of Object.entries(FIGURES)) {
    const values = fits.map((fit) => fit?.kinetics[figure]);
    const shown = values.map((v) => (v === undefined ? "" : (figure === "wash_out" ? 100 * v : v).toFixed(digits)));
    const both = values.every((v) => v !== undefined);
    const cells = shown.map((text, i) => [text, fits[i]?.poor]);
    row(words(figure), [...cells, [both ? (values[0] / values[1]).toFixed(2) : "", fits.some((fit) => fit?.poor)]]);
  }
}

function figures(verdict) {
  if (verdict?.score == null) return "";
  const { score, ci95, frames_scored, frames_counted: scored = frames_scored, frames_seen: seen } = verdict;
  const interval = ci95 ? words("interval", { low: share(ci95[0]), high: share(ci95[1]) }) : words("tooFew");
  const counted = words("counted", { scored: whole(scored), seen: whole(seen) });
  return `${words("figures", { score: share(score), interval })}. ${counted}`;
}

async function allFrames(id) {
  const all = [];
  for (;;) {
    const after = all.length ? `?after=${all.at(-1).seq}` : "";
    const part = await ask("GET", `/api/v1/exams/${id}/frames${after}`);
    if (!part) return null;
    all.push(...part.frames);
    if (!part.more) return all;
  }
}

/** Shows the picture that the slider points at, and where it is in time. */
function show() {
  const picture = exam.pictures[byId("scrub").value];
  const frame = picture && frames.find(({ seq }) => seq === picture.seq);
  draw(frame);
  byId("at").textContent = frame ? `${clock(frame.t_ms - frames[0].t_ms)}, P ${share(frame.score)}` : "";
  if (!picture) return;
  const reason = ["marked", "peak"].includes(picture.reason) ? `${picture.reason}Picture` : picture.reason;
  byId("why-kept").textContent = known(reason) ? words(reason) : picture.reason;
  const path = `/api/v1/exams/${exam.id}/pictures/${picture.seq}`;
  byId("plain").src = path;
  byId("mapped").src = `${path}?map=true`;
}

function draw(chosen) {
  const canvas = byId("timeline");
  const scale = devicePixelRatio;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  if (!frames.length || width === 0) return;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const ink = (name) => getComputedStyle(canvas).getPropertyValue(name);
  const first = frames[0].t_ms;
  const span = Math.max(1, frames.at(-1).t_ms - first);
  const x = (ms) => 4 + ((ms - first) / span) * (width - 8);
  const y = (score) => height - 4 - score * (height - 8);
  const [low, high] = exam.provenance.band;
  pen.fillStyle = ink("--band");
  pen.fillRect(0, y(high), width, y(low) - y(high));
  pen.strokeStyle = ink("--text");
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const { t_ms: ms, score } of frames) pen.lineTo(x(ms), y(score));
  pen.stroke();
  pen.fillStyle = ink("--warn");
  for (const { kind, t_ms: ms } of exam.marks ?? []) {
    if (ms < first) continue;
    pen.fillRect(x(ms) - 1, 0, 2, height);
    pen.fillText(words(kind === "picture" ? "keep" : kind), x(ms) + 4, 10);
  }
  if (!chosen) return;
  pen.fillStyle = ink("--high");
  pen.fillRect(x(chosen.t_ms) - 1.5, 0, 3, height);
}

async function change(what, body) {
  if (!(await ask("PUT", `/api/v1/exams/${exam.id}/${what}`, body))) return false;
  tell(words("saved"));
  // The store commits what was said within a moment.
  setTimeout(() => {
    open(exam.id);
    list(true);
  }, 400);
  return true;
}

let typing;
byId("search").addEventListener("input", ({ target }) => {
  query = target.value.trim();
  clearTimeout(typing);
  typing = setTimeout(() => list(true), PAUSE_MS);
});
byId("older").addEventListener("click", () => list(false));
byId("scrub").addEventListener("input", show);
byId("accept").addEventListener("click", () => change("opinion", { accepted: true, comment: byId("comment").value }));
byId("disagree").addEventListener("click", () => change("opinion", { accepted: false, comment: byId("comment").value }));
byId("save-notes").addEventListener("click", () => change("notes", { notes: byId("notes").value }));
byId("name").addEventListener("click", () => {
  byId("patient-form").reset();
  byId("patient-dialog").showModal();
});
byId("patient-cancel").addEventListener("click", () => byId("patient-dialog").close());
byId("patient-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await change("patient", Object.fromEntries(new FormData(event.target)))) byId("patient-dialog").close();
});
byId("print").addEventListener("click", () => print());
byId("language").addEventListener("click", nextLanguage);
byId("theme").addEventListener("click", () => {
  undress();
  if (exam) show();
});
addEventListener("hashchange", () => open(location.hash.slice(1)));
new ResizeObserver(() => exam && show()).observe(byId("timeline"));

dress();
translate();
list(true);
if (location.hash) open(location.hash.slice(1));
