// The exam over its time: scores with the indeterminate band behind them, and below them, on the same axis, how much
// contrast lesion and reference hold.

import { clock } from "/words.js";

const MOST_POINTS = 3600;
const GAP_MS = 2500; // a longer pause breaks the line
const SHORTEST_MS = 60_000;
const MINUTE_STEPS = [15_000, 30_000, 60_000, 120_000, 300_000, 600_000];

const canvas = document.getElementById("trend");
let points = []; // [ms, score, lesion, reference]; the last three may be null
let band = [0.5, 0.5];

/** Adds what the server sends; `restart` means another exam. */
export function addPoints({ restart, points: more }) {
  points = (restart ? [] : points).concat(more).slice(-MOST_POINTS);
  drawTrend();
}

export function setBand(limits) {
  band = limits;
  drawTrend();
}

/** The line through one column of the points, broken where there is nothing. */
function line(pen, column, x, y) {
  pen.beginPath();
  let last = null;
  for (const point of points) {
    const value = point[column];
    if (value == null) continue;
    if (last === null || point[0] - last > GAP_MS) pen.moveTo(x(point[0]), y(value));
    pen.lineTo(x(point[0]), y(value));
    last = point[0];
  }
  pen.stroke();
}

export function drawTrend() {
  const scale = devicePixelRatio;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);

  const style = getComputedStyle(canvas);
  const ink = (name) => style.getPropertyValue(name);
  const em = parseFloat(style.fontSize) * 0.9;
  const [left, right, top, bottom] = [em * 3, width - em * 0.6, em * 0.5, height - em * 1.5];
  const enhanced = points.some((point) => point[2] != null);
  const floor = enhanced ? top + (bottom - top) * 0.5 : bottom;
  const ceiling = floor + em * 0.5;
  const start = points.length ? points[0][0] : 0;
  const span = Math.max(SHORTEST_MS, points.length ? points.at(-1)[0] - start : 0);
  const x = (ms) => left + ((ms - start) / span) * (right - left);
  const y = (score) => floor - score * (floor - top);
  const most = Math.max(1e-9, ...points.map((point) => Math.max(point[2] ?? 0, point[3] ?? 0)));
  const power = (value) => bottom - (value / most) * (bottom - ceiling);

  pen.fillStyle = ink("--band");
  pen.fillRect(left, y(band[1]), right - left, y(band[0]) - y(band[1]));
  pen.font = `${em}px system-ui, "Liberation Sans", sans-serif`;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  pen.lineWidth = 1;
  const rule = (at) => {
    pen.strokeStyle = ink("--line");
    pen.beginPath();
    pen.moveTo(left, at);
    pen.lineTo(right, at);
    pen.stroke();
  };
  let written = Infinity;
  for (const score of [0, ...band, 1]) {
    rule(y(score));
    if (written - y(score) < em) continue;
    written = y(score);
    pen.fillStyle = ink("--muted");
    pen.fillText(score === 0 || score === 1 ? score : score.toFixed(2), left - em * 0.5, y(score));
  }
  pen.textBaseline = "alphabetic";
  pen.textAlign = "center";
  const step = MINUTE_STEPS.find((s) => span / s <= 6) ?? MINUTE_STEPS.at(-1);
  for (let ms = Math.ceil(start / step) * step; ms <= start + span; ms += step) {
    pen.textAlign = x(ms) > right - em * 2 ? "right" : "center";
    pen.fillText(clock(ms), x(ms), height - em * 0.2);
  }

  pen.lineWidth = 2;
  pen.lineJoin = pen.lineCap = "round";
  pen.strokeStyle = ink("--text");
  line(pen, 1, x, y);
  if (!enhanced) return;
  rule(bottom);
  for (const [column, colour, dash] of [
    [2, "--high", []],
    [3, "--good", [6, 4]],
  ]) {
    pen.strokeStyle = ink(colour);
    pen.setLineDash(dash);
    line(pen, column, x, power);
    pen.setLineDash([]);
  }
}

new ResizeObserver(drawTrend).observe(canvas);
