// The worklist in the patient's dialog: an order that is tapped is the exam's.

import { choose } from "/exam.js";
import { words } from "/words.js";

const byId = (id) => document.getElementById(id);

/** Fills the list, which is hidden where there is no worklist, and has the server asked for the next time. */
async function show() {
  const list = byId("worklist");
  list.hidden = true;
  const answer = await fetch("/api/v1/worklist").catch(() => null);
  if (answer?.status !== 200) return;
  const { age_s, steps } = await answer.json();
  const age = age_s === null ? words("worklistNever") : words("worklistAge", { minutes: Math.floor(age_s / 60) });
  byId("worklist-age").textContent = `${words("worklist")}: ${age}`;
  byId("worklist-steps").replaceChildren(...steps.map(button));
  list.hidden = false;
  fetch("/api/v1/worklist", { method: "POST" }).catch(() => null);
}

function button({ id, order, scheduled, description, changed, gone }) {
  const choice = document.createElement("button");
  choice.type = "button";
  const state = gone ? words("orderGone") : changed ? words("orderChanged") : "";
  const day = new Date().toLocaleDateString("sv").replaceAll("-", "");
  const time = scheduled.replace(`${day} `, "").replace(/^\d{4}(\d\d)(\d\d)/, "$1-$2").replace(/(\d\d)(\d\d)$/, "$1:$2");
  const name = order.patient_name?.split(/[\^=]/).filter(Boolean).slice(0, 2).join(", ");
  choice.textContent = [time, name, order.patient_id, description, state].filter(Boolean).join(" · ");
  choice.disabled = Boolean(gone);
  choice.addEventListener("click", () => choose({ step: id }));
  return choice;
}

byId("patient").addEventListener("click", show);
