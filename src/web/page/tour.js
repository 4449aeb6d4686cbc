// The tour for whoever sees the page for the first time: one part of the page after the other, by touch or keyboard. It is never in
// the way of an exam: while one runs it is not there, and goes on where it was afterwards. Ended once, it is not offered again by this
// browser; the button brings it back.

import { words } from "/words.js";

const KEPT = "tour";
const STEPS = ["", "#signal", "#stage", "#lesion", "#injection", "#now", "#verdict", "#patient", "nav"];

const byId = (id) => document.getElementById(id);
const card = byId("tour");

let step = 0; // 0 offers the tour
let wanted = localStorage.getItem(KEPT) === null;

/** Whether anything goes on that the tour must not cover; before the first state nobody knows. */
function busy() {
  const { exam, signal, drawing } = document.body.dataset;
  return exam === "running" || signal === "lost" || drawing !== undefined;
}

function show() {
  byId("tour-start").disabled = document.body.dataset.exam === "running";
  const shown = wanted && !busy();
  document.querySelector(".toured")?.classList.remove("toured");
  card.hidden = !shown;
  if (!shown) return;
  const target = step ? document.querySelector(STEPS[step]) : null;
  target?.classList.add("toured");
  card.dataset.side = target?.closest("#look") ? "right" : "left";
  const said = words(`tour${step}`);
  if (byId("tour-words").textContent !== said) byId("tour-words").textContent = said;
  byId("tour-step").textContent = step ? `${step} / ${STEPS.length - 1}` : "";
  byId("tour-back").hidden = step < 2;
  byId("tour-end").textContent = words(step ? "tourEnd" : "tourLater");
  byId("tour-next").textContent = words(step === 0 ? "tourBegin" : step === STEPS.length - 1 ? "tourDone" : "tourNext");
}

function end() {
  wanted = false;
  localStorage.setItem(KEPT, "seen");
  show();
}

function go(by) {
  step += by;
  if (step === STEPS.length) return end();
  show();
  byId("tour-next").focus();
}

byId("tour-next").addEventListener("click", () => go(1));
byId("tour-back").addEventListener("click", () => go(-1));
byId("tour-end").addEventListener("click", end);
byId("tour-start").addEventListener("click", () => {
  [step, wanted] = [1, true];
  show();
  byId("tour-next").focus();
});
card.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") go(1);
  else if (event.key === "ArrowLeft" && step > 1) go(-1);
  else return;
  event.preventDefault();
});
// Wherever the focus has gone meanwhile.
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && !card.hidden) end();
});
new MutationObserver(show).observe(document.body, { attributeFilter: ["data-exam", "data-signal", "data-drawing"] });
show();
