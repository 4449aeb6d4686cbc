// The scores of the exam over its time, with the indeterminate band behind them.

const MOST_POINTS = 3600;
const GAP_MS = 2500; // a longer pause breaks the line
const SHORTEST_MS = 60_000;
const MINUTE_STEPS = [15_000, 30_000, 60_000, 120_000, 300_000, 600_000];

const canvas = document.getElementById("trend");
let points = [];
let band = [0.5, 0.5];

/** Adds what the server sends; `restart` means another exam. */
export function addPoints({ restart, points: more }) {
  points = (restart ? [] : points).concat(more).slice(-MOST_POINTS);
  draw();
}

export function setBand(limits) {
  band = limits;
  draw();
}

const clock = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.round((ms % 60_000) / 1000)).padStart(2, "0")}`;

function draw() {
  const scale = devicePixelRatio;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);

  const em = parseFloat(getComputedStyle(canvas).fontSize) * 0.9;
  const [left, right, top, bottom] = [em * 3, width - em * 0.6, em * 0.5, height - em * 1.5];
  const start = points.length ? points[0][0] : 0;
  const span = Math.max(SHORTEST_MS, points.length ? points.at(-1)[0] - start : 0);
  const x = (ms) => left + ((ms - start) / span) * (right - left);
  const y = (score) => bottom - score * (bottom - top);

  pen.fillStyle = "#2a2740";
  pen.fillRect(left, y(band[1]), right - left, y(band[0]) - y(band[1]));
  pen.font = `${em}px system-ui, "Liberation Sans", sans-serif`;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  pen.lineWidth = 1;
  for (const score of [0, band[0], band[1], 1]) {
    pen.strokeStyle = "#3c4a59";
    pen.beginPath();
    pen.moveTo(left, y(score));
    pen.lineTo(right, y(score));
    pen.stroke();
    pen.fillStyle = "#a9b6c4";
    pen.fillText(score === 0 || score === 1 ? score : score.toFixed(2), left - em * 0.5, y(score));
  }
  pen.textBaseline = "alphabetic";
  pen.textAlign = "center";
  const step = MINUTE_STEPS.find((s) => span / s <= 6) ?? MINUTE_STEPS.at(-1);
  for (let ms = Math.ceil(start / step) * step; ms <= start + span; ms += step) {
    pen.textAlign = x(ms) > right - em * 2 ? "right" : "center";
    pen.fillText(clock(ms), x(ms), height - em * 0.2);
  }

  pen.strokeStyle = "#fff";
  pen.lineWidth = 2;
  pen.lineJoin = pen.lineCap = "round";
  pen.beginPath();
  points.forEach(([ms, score], i) => {
    const broken = i === 0 || ms - points[i - 1][0] > GAP_MS;
    if (broken) pen.moveTo(x(ms), y(score));
    pen.lineTo(x(ms), y(score));
  });
  pen.stroke();
}

new ResizeObserver(draw).observe(canvas);
