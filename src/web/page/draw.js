// Draws a box on the picture by finger, pen or mouse: lesion, reference or the contrast pane itself, and has a pane that was found confirmed.
// Nothing is sent before it is confirmed.

import { ask, tell } from "/ask.js";
import { words } from "/words.js";

const LEAST = 16; // pixels of the scanner's screen, as the server wants

const byId = (id) => document.getElementById(id);
const pane = byId("pane");
const box = byId("drawn");

let paneRect = { x: 0, y: 0, w: 1, h: 1 };
let running = false;
let found = null; // the pane to be confirmed
let drawing = null; // { what, rect }
let drag = null; // { from, start, moving }

/** What is on the screen now. */
export function layOut(state) {
  paneRect = state.pane;
  running = state.exam !== null && !state.exam.ended;
  const { state: layout, seen } = state.layout;
  found = { found: state.pane, changed: seen }[layout] ?? null;
  // What was found is asked about between exams, what has moved at once.
  byId("pane-bar").hidden = drawing !== null || (layout === "found" ? running : layout !== "changed");
  const said = byId("pane-bar").hidden ? "" : words(layout === "found" ? "paneFound" : "paneMoved");
  if (byId("pane-words").textContent !== said) byId("pane-words").textContent = said;
}

const SAID = { roi: "drawLesion", reference: "drawReference", pane: "drawPane" };

/** Asks for a box: `roi`, `reference` or `pane`. */
export function draw(what) {
  drawing = { what, rect: null };
  document.body.dataset.drawing = what;
  byId("pane-bar").hidden = true;
  byId("draw-words").textContent = words(SAID[what]);
  byId("draw-cuts").textContent = what !== "reference" && running ? words("cuts") : "";
  show();
}

byId("pane-draw").addEventListener("click", () => draw("pane"));
byId("pane-confirm").addEventListener("click", async () => {
  if (found && (await ask("PUT", "/api/v1/screen", { pane: found }))) tell(words("saved"));
});

function stop() {
  drawing = drag = null;
  delete document.body.dataset.drawing;
  show();
}

/** Where a finger is, in pixels of the scanner's screen, inside the pane. */
function at({ clientX, clientY }) {
  const shown = pane.getBoundingClientRect();
  const inside = (v, length) => Math.min(Math.max(v, 0), 1) * length;
  return {
    x: paneRect.x + inside((clientX - shown.left) / shown.width, paneRect.w),
    y: paneRect.y + inside((clientY - shown.top) / shown.height, paneRect.h),
  };
}

const within = ({ x, y }, r) => r && x >= r.x && x <= r.x + r.w && y >= r.y && y <= r.y + r.h;

function show() {
  const rect = drawing?.rect;
  box.hidden = !rect;
  byId("draw-confirm").disabled = !rect || rect.w < LEAST || rect.h < LEAST;
  if (!rect) return;
  box.style.left = `${(100 * (rect.x - paneRect.x)) / paneRect.w}%`;
  box.style.top = `${(100 * (rect.y - paneRect.y)) / paneRect.h}%`;
  box.style.width = `${(100 * rect.w) / paneRect.w}%`;
  box.style.height = `${(100 * rect.h) / paneRect.h}%`;
}

pane.addEventListener("pointerdown", (event) => {
  if (!drawing) return;
  event.preventDefault();
  pane.setPointerCapture(event.pointerId);
  const from = at(event);
  drag = { from, start: drawing.rect, moving: within(from, drawing.rect) };
});

pane.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const to = at(event);
  const { from, start, moving } = drag;
  if (moving) {
    const between = (v, low, high) => Math.min(Math.max(v, low), high);
    drawing.rect = {
      ...start,
      x: between(start.x + to.x - from.x, paneRect.x, paneRect.x + paneRect.w - start.w),
      y: between(start.y + to.y - from.y, paneRect.y, paneRect.y + paneRect.h - start.h),
    };
  } else {
    drawing.rect = {
      x: Math.min(from.x, to.x),
      y: Math.min(from.y, to.y),
      w: Math.abs(to.x - from.x),
      h: Math.abs(to.y - from.y),
    };
  }
  show();
});

for (const end of ["pointerup", "pointercancel"]) pane.addEventListener(end, () => (drag = null));

byId("draw-cancel").addEventListener("click", stop);

byId("draw-confirm").addEventListener("click", async () => {
  const { what, rect } = drawing;
  const [left, top] = [Math.floor(rect.x), Math.floor(rect.y)];
  const whole = { x: left, y: top, w: Math.floor(rect.x + rect.w) - left, h: Math.floor(rect.y + rect.h) - top };
  stop();
  if (await ask("PUT", "/api/v1/screen", { [what]: whole })) tell(words("saved"));
});

document.addEventListener("keydown", ({ key }) => {
  if (drawing && key === "Escape") stop();
});
