// The picture of the contrast pane, and the activation map over its lesion ROI.

import { words } from "/words.js";

const FINE = 160; // pixels of the up-sampled map, each way
const STEPS = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 1000];

const pane = document.getElementById("pane");
const roi = document.getElementById("roi");
const roiName = document.getElementById("roi-name");
const reference = document.getElementById("reference-box");
const picture = document.getElementById("picture");
const map = document.getElementById("map");
const bar = document.getElementById("colour-bar");

// Neither is a colour of the gold, grey or blue tints that scanners give contrast.
const TOWARDS_LOW = [40, 170, 255];
const TOWARDS_HIGH = [255, 30, 170];

let range = STEPS[0]; // logits at the ends of the colour bar

/** Draws a JPEG; a broken one leaves the last picture. */
export async function drawPicture(blob) {
  const bitmap = await createImageBitmap(blob).catch(() => null);
  if (!bitmap) return;
  if (picture.width !== bitmap.width || picture.height !== bitmap.height) {
    picture.width = bitmap.width;
    picture.height = bitmap.height;
  }
  picture.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

/** Puts the boxes where they belong; all rectangles are in pixels of the scanner's screen. */
export function place({ pane: paneRect, roi: roiRect, reference: referenceRect }) {
  pane.style.setProperty("--shape", paneRect.w / paneRect.h);
  const put = (box, rect) => {
    box.style.left = `${(100 * (rect.x - paneRect.x)) / paneRect.w}%`;
    box.style.top = `${(100 * (rect.y - paneRect.y)) / paneRect.h}%`;
    box.style.width = `${(100 * rect.w) / paneRect.w}%`;
    box.style.height = `${(100 * rect.h) / paneRect.h}%`;
  };
  put(roi, roiRect);
  const whole = ["x", "y", "w", "h"].every((side) => roiRect[side] === paneRect[side]);
  const name = words(whole ? "wholePane" : "lesion");
  if (roiName.textContent !== name) roiName.textContent = name;
  reference.hidden = !referenceRect;
  if (referenceRect) put(reference, referenceRect);
}

/** Red, green, blue and opacity of a value from -1 (for low) to 1 (for high). */
function colour(value) {
  const [r, g, b] = value < 0 ? TOWARDS_LOW : TOWARDS_HIGH;
  return [r, g, b, 255 * Math.min(1, Math.abs(value)) ** 0.7];
}

/** The rows of the map at `FINE` × `FINE` points, bilinear between the centres of its cells. */
function upsample(rows) {
  const [height, width] = [rows.length, rows[0].length];
  const axis = (cells) =>
    Array.from({ length: FINE }, (_, i) => {
      const at = Math.min(Math.max(((i + 0.5) * cells) / FINE - 0.5, 0), cells - 1);
      const first = Math.min(Math.floor(at), Math.max(cells - 2, 0));
      return [first, Math.min(first + 1, cells - 1), at - first];
    });
  const columns = axis(width);
  const values = new Float32Array(FINE * FINE);
  axis(height).forEach(([above, below, down], y) => {
    columns.forEach(([left, right, across], x) => {
      const between = (row) => row[left] + (row[right] - row[left]) * across;
      const top = between(rows[above]);
      values[y * FINE + x] = top + (between(rows[below]) - top) * down;
    });
  });
  return values;
}

/**
 * Draws the map, with a line around what speaks for high at least half as much as its strongest point. The colour
 * range only grows, so that colours can be compared over the exam.
 */
export function drawMap(rows) {
  const cells = rows.flat();
  const peak = Math.max(...cells.map(Math.abs));
  while (range < peak && range < STEPS.at(-1)) range = STEPS[STEPS.indexOf(range) + 1];
  showRange();
  const values = upsample(rows);
  const image = new ImageData(FINE, FINE);
  const half = Math.max(...cells) / 2;
  const strong = (i) => half > 0 && values[i] >= half;
  for (let i = 0; i < values.length; i++) {
    const inside = strong(i);
    const edge =
      (i % FINE < FINE - 1 && strong(i + 1) !== inside) || (i + FINE < values.length && strong(i + FINE) !== inside);
    image.data.set(edge ? [255, 255, 255, 255] : colour(values[i] / range), 4 * i);
  }
  map.width = map.height = FINE;
  map.getContext("2d").putImageData(image, 0, 0);
}

/** A new exam begins with the narrowest range. */
export function resetRange() {
  range = STEPS[0];
  showRange();
}

function showRange() {
  document.getElementById("range-low").textContent = `−${range}`;
  document.getElementById("range-high").textContent = `+${range}`;
}

function drawBar() {
  const image = new ImageData(bar.width, 1);
  for (let x = 0; x < bar.width; x++) {
    const [r, g, b, opacity] = colour((2 * x) / (bar.width - 1) - 1);
    image.data.set([r, g, b].map((c) => (c * opacity) / 255).concat(255), 4 * x);
  }
  bar.getContext("2d").putImageData(image, 0, 0);
}

drawBar();
