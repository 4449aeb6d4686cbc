// The bedside page: shows each state that the server sends, and nothing older.

import { dress, undress } from "/ask.js";
import { layOut } from "/draw.js";
import { showExamState } from "/exam.js";
import { drawScale, drawScore } from "/gauge.js";
import { connect } from "/link.js";
import { drawMap, drawPicture, place, resetRange } from "/picture.js";
import { addPoints, drawTrend, setBand } from "/trend.js";
import { known, MARK, nameSwitches, nextLanguage, sentence, share, time, translate, whole, words } from "/words.js";

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
  say("source", words("from", { source }));
  say("band", words("band", { low: share(band[0]), high: share(band[1]) }));
  say("version", version);
  const name = (m) => (m ? `${m.name} ${m.version} (${m.sha256.slice(0, 8)})` : "");
  say("model", words(next ? "modelNext" : "model", { name: name(model), next: name(next) }));
  byId("notice").hidden = notice === null;
  say("notice", notice ?? "");
  drawScale(band, [words("low"), words("high")]);
  setBand(band);
}

function showSignal(state, more) {
  document.body.dataset.signal = state;
  say("signal-word", words(state));
  say("signal-more", more);
  say("cover", state === "live" ? "" : words(state));
}

function showScore(score, why, advice) {
  document.body.dataset.score = score === null ? "none" : "shown";
  say("score", score === null ? "" : share(score));
  say("why", why);
  say("advice", advice);
  drawScore(score);
}

function showVerdict(grade, text, figures, counted) {
  document.body.dataset.grade = grade;
  say("verdict-mark", MARK[grade] ?? "");
  say("verdict-text", text);
  say("verdict-figures", figures);
  say("verdict-frames", counted);
}

function showExam(exam, paused) {
  if (!exam || exam.verdict.score === null) {
    showVerdict("none", words(exam ? "noVerdict" : "noExam"), "", "");
    say("verdict-name", words("verdictSoFar"));
    say("exam", "");
    return;
  }
  const { verdict, score, ci95, frames_scored, frames_counted: scored = frames_scored, frames_seen: seen } = exam.verdict;
  const interval = ci95 ? words("interval", { low: share(ci95[0]), high: share(ci95[1]) }) : words("tooFew");
  const counted = words("counted", { scored: whole(scored), seen: whole(seen) });
  const said = paused && !exam.ended ? words("paused", { counted }) : counted;
  showVerdict(verdict, words(verdict), words("figures", { score: share(score), interval }), said);
  const started = time(exam.started);
  say("verdict-name", words(exam.ended ? "verdict" : "verdictSoFar"));
  say("exam", words(exam.ended ? "examOf" : "examSince", { time: started }));
}

function showStore({ saved, waiting, fault, notice }) {
  const counts = words("stored", { saved: whole(saved), waiting: whole(waiting) });
  const stored = notice ? `${counts}. ${sentence(notice)}` : counts;
  byId("fault").hidden = fault === null;
  say("fault-why", (fault ?? "").replace(/^not being stored: /, ""));
  say("stored", fault === null ? stored : words("notStored"));
}

let examId = null;

function onState(state) {
  showSite(state);
  const [why, advice] = reason(state);
  const scoring = state.score !== null;
  const signal = state.signal.state;
  const not = signal === "live" ? words("notScored", { why: why.toLowerCase() }) : "";
  showSignal(signal, scoring ? words("scoring") : not);
  showScore(state.score, why, advice);
  document.body.dataset.published = state.published_ms ?? "";
  showExam(state.exam, !scoring);
  showExamState(state);
  showStore(state.store);
  place(state);
  layOut(state);
  if (state.exam && state.exam.id !== examId) {
    examId = state.exam.id;
    resetRange();
  }
  if (state.map) drawMap(state.map);
  const { captured_fps: captured, new_fps: fresh, latency_ms: latency, dropped } = state.rates;
  const rates = {
    captured: captured.toFixed(0),
    fresh: fresh.toFixed(1),
    latency: latency.toFixed(0),
    dropped: whole(dropped),
  };
  say("rates", words("rates", rates));
}

/** Why there is no score: words to be read from afar, and what to do. */
function reason({ score, withheld, signal }) {
  if (score !== null) return ["", ""];
  if (withheld === "signal") return [words(signal.state), `${words(`${signal.state}Advice`)} (${signal.reason})`];
  return known(withheld) ? [words(withheld), words(`${withheld}Advice`)] : [words("noScore"), withheld];
}

function onLost() {
  showSignal("lost", "");
  showScore(null, words("lost"), words("lostAdvice"));
  showVerdict("none", words("unknown"), "", "");
  for (const id of ["exam", "rates", "stored", "by-hand"]) say(id, "");
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
byId("language").addEventListener("click", nextLanguage);
byId("theme").addEventListener("click", () => {
  undress();
  drawTrend();
});
document.addEventListener("keydown", ({ key, ctrlKey, altKey, metaKey, target }) => {
  const typing = target.closest("input[name], textarea, select");
  if (key === "m" && !typing && !ctrlKey && !altKey && !metaKey) byId("map-switch").click();
});

dress();
translate();
nameSwitches();
byId("map").style.opacity = byId("opacity").value / 100;
drawScale([0.5, 0.5], [words("low"), words("high")]);
onLost();
connect({ state: onState, trend: addPoints, picture: drawPicture, lost: onLost });
