// The bedside page: shows each state that the server sends, and nothing older.

import { drawScale, drawScore } from "/gauge.js";
import { connect } from "/link.js";
import { drawMap, drawPicture, place, resetRange } from "/picture.js";
import { addPoints, setBand } from "/trend.js";
import { frames, GRADE, LOST, sentence, share, SIGNAL, whole, WITHHELD } from "/words.js";

const byId = (id) => document.getElementById(id);

/** Sets a text; touching only what changed keeps screen readers quiet. */
function say(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

let site = "";

/** What stays the same for a whole exam. */
function showSite({ label, source, band, model, model_next: next, model_notice: notice, version }) {
  const newest = JSON.stringify([label, source, band, model, next, notice, version]);
  if (newest === site) return;
  site = newest;
  say("label", label);
  say("source", `From ${source}`);
  say("band", `indeterminate ${share(band[0])} to ${share(band[1])}`);
  say("version", version);
  const name = ({ name, version, sha256 }) => `${name} ${version} (${sha256.slice(0, 8)})`;
  say("model", `Model ${name(model)}${next ? `, from the next exam on ${name(next)}` : ""}`);
  byId("notice").hidden = notice === null;
  say("notice", notice ?? "");
  drawScale(band);
  setBand(band);
}

function showSignal(state, more) {
  document.body.dataset.signal = state;
  say("signal-word", SIGNAL[state]);
  say("signal-more", more);
  say("cover", state === "live" ? "" : SIGNAL[state]);
}

function showScore(score, why, advice) {
  document.body.dataset.score = score === null ? "none" : "shown";
  say("score", score === null ? "" : share(score));
  say("why", why);
  say("advice", advice);
  drawScore(score);
}

function showVerdict(grade, word, figures, counted) {
  document.body.dataset.grade = grade;
  const [mark, text] = GRADE[grade] ?? ["", word];
  say("verdict-mark", mark);
  say("verdict-text", text);
  say("verdict-figures", figures);
  say("verdict-frames", counted);
}

function showExam(exam, paused) {
  if (!exam || exam.verdict.score === null) {
    showVerdict("none", exam ? "No verdict yet" : "No exam yet", "", "");
    say("exam", "");
    return;
  }
  const { verdict, score, ci95, frames_scored: scored, frames_seen: seen } = exam.verdict;
  const interval = ci95 ? `95 % ${share(ci95[0])} to ${share(ci95[1])}` : "too few frames";
  const counted = `${frames(scored)} counted, ${whole(seen)} seen`;
  showVerdict(verdict, "", `P(high) ${share(score)}, ${interval}`, paused && !exam.ended ? `Paused: ${counted}` : counted);
  const started = new Date(exam.started).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  say("verdict-name", exam.ended ? "Verdict" : "Verdict so far");
  say("exam", exam.ended ? `exam of ${started}` : `exam since ${started}`);
}

function showStore({ saved, waiting, fault, notice }) {
  const stored = `Stored ${whole(saved)}, waiting ${whole(waiting)}${notice ? `. ${sentence(notice)}` : ""}`;
  byId("fault").hidden = fault === null;
  say("fault", fault === null ? "" : `NOT BEING STORED: ${fault}`);
  say("stored", fault === null ? stored : "Not being stored");
}

let examId = null;

function onState(state) {
  showSite(state);
  const [why, advice] = reason(state);
  const scoring = state.score !== null;
  const signal = state.signal.state;
  const not = signal === "live" ? `not scored: ${why.toLowerCase()}` : "";
  showSignal(signal, scoring ? "scoring" : not);
  showScore(state.score, why, advice);
  showExam(state.exam, !scoring);
  showStore(state.store);
  place(state.pane, state.roi);
  if (state.exam && state.exam.id !== examId) {
    examId = state.exam.id;
    resetRange();
  }
  if (state.map) drawMap(state.map);
  const { captured_fps: captured, new_fps: fresh, latency_ms: latency, dropped } = state.rates;
  say(
    "rates",
    `${captured.toFixed(0)} frames/s in, ${fresh.toFixed(1)} scored, ${latency.toFixed(0)} ms, ${whole(dropped)} dropped`,
  );
}

/** Why there is no score: words to be read from afar, and what to do. */
function reason({ score, withheld, signal }) {
  if (score !== null) return ["", ""];
  if (withheld === "signal") return [SIGNAL[signal.state], sentence(signal.reason)];
  return WITHHELD[withheld] ?? ["NO SCORE", ""];
}

function onLost() {
  showSignal("lost", "");
  showScore(null, SIGNAL.lost, LOST);
  showVerdict("none", "Unknown", "", "");
  say("exam", "");
  say("rates", "");
  say("stored", "");
  byId("fault").hidden = true;
}

function setMap(on) {
  byId("map-switch").setAttribute("aria-checked", on);
  document.body.dataset.map = on ? "on" : "off";
}

byId("map-switch").addEventListener("click", () => setMap(document.body.dataset.map === "off"));
byId("opacity").addEventListener("input", ({ target }) => {
  byId("map").style.opacity = target.value / 100;
});
document.addEventListener("keydown", ({ key, ctrlKey, altKey, metaKey }) => {
  if (key === "m" && !ctrlKey && !altKey && !metaKey) byId("map-switch").click();
});

byId("map").style.opacity = byId("opacity").value / 100;
drawScale([0.5, 0.5]);
onLost();
connect({ state: onState, trend: addPoints, picture: drawPicture, lost: onLost });
