// What the page says, for every code that the server sends.

export const SIGNAL = {
  live: "LIVE",
  frozen: "FROZEN",
  "no-signal": "NO SIGNAL",
  unsupported: "UNSUPPORTED SIGNAL",
  absent: "NO PICTURE",
  lost: "NO CONNECTION",
};

// Why there is no score: what to read from afar, and what to do.
export const WITHHELD = {
  waiting: ["WAITING", "No frame has been scored yet."],
  stale: ["NO NEW PICTURE", "Nothing new was scored for more than a second."],
  "too-dark": ["TOO DARK", "Almost nothing is lit: no contrast yet?"],
  "not-contrast": ["NO CONTRAST IMAGE", "B-mode alone, Doppler or a menu."],
  motion: ["STRONG MOTION", "Hold the probe still."],
  clipped: ["TOO BRIGHT", "Much of the lesion is at full scale: lower the gain."],
};

export const LOST = "This page has lost the program. Trying again.";

export const GRADE = {
  low: ["▼", "LOW"],
  high: ["▲", "HIGH"],
  indeterminate: ["◆", "INDETERMINATE"],
};

export const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);

export const share = (p) => p.toFixed(2);

export const whole = (n) => n.toLocaleString("en");

export const frames = (n) => (n === 1 ? "1 frame" : `${whole(n)} frames`);
