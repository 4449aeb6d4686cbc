// P(high) as a half circle from 0 on the left to 1 on the right, with the indeterminate band hatched.

const SVG = "http://www.w3.org/2000/svg";
const [CX, CY, RADIUS, WIDTH] = [200, 192, 150, 40];

const gauge = document.getElementById("gauge");
let needle;

function add(name, attributes, parent = gauge) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return parent.appendChild(element);
}

function point(share, radius) {
  const angle = Math.PI * (1 - share);
  return [CX + radius * Math.cos(angle), CY - radius * Math.sin(angle)].map((v) => v.toFixed(2));
}

/** The ring between two shares. */
function sector(from, to) {
  const [inner, outer] = [RADIUS - WIDTH / 2, RADIUS + WIDTH / 2];
  const arc = (radius, sweep, end) => `A${radius} ${radius} 0 0 ${sweep} ${point(end, radius).join(" ")}`;
  return `M${point(from, outer).join(" ")} ${arc(outer, 1, to)} L${point(to, inner).join(" ")} ${arc(inner, 0, from)}Z`;
}

/** Draws the scale for an indeterminate band, with the words for its two ends. */
export function drawScale([low, high], [lowWord, highWord]) {
  gauge.replaceChildren();
  const hatch = add("pattern", {
    id: "hatch",
    width: 8,
    height: 8,
    patternUnits: "userSpaceOnUse",
    patternTransform: "rotate(45)",
  });
  add("rect", { width: 8, height: 8, fill: "#4a4460" }, hatch);
  add("rect", { width: 3, height: 8, fill: "#8d84ab" }, hatch);
  add("path", { d: sector(0, low), fill: "#2f6fae" });
  add("path", { d: sector(low, high), fill: "url(#hatch)" });
  add("path", { d: sector(high, 1), fill: "#b8307c" });
  for (const edge of [low, high]) {
    const [x, y] = point(edge, RADIUS + WIDTH / 2 + 14);
    const anchor = edge < 0.5 ? "end" : "start";
    add("text", { x, y, "text-anchor": anchor }).textContent = edge.toFixed(2);
  }
  for (const [share, word] of [
    [0, lowWord],
    [1, highWord],
  ]) {
    const [x, y] = point(share, RADIUS);
    add("text", { x, y: Number(y) + 15, "text-anchor": "middle" }).textContent = word;
  }
  needle = add("path", { fill: "#fff", stroke: "#000", "stroke-width": 3, "stroke-linejoin": "round" });
}

/** Points at a score, or at nothing. */
export function drawScore(score) {
  if (score === null) {
    needle.setAttribute("d", "");
    return;
  }
  const angle = (180 * score).toFixed(2);
  const tip = CX - RADIUS - WIDTH / 2 + 4;
  const foot = CX - RADIUS + WIDTH / 2 + 14;
  needle.setAttribute("d", `M${tip} ${CY} L${foot} ${CY - 13} L${foot} ${CY + 13}Z`);
  needle.setAttribute("transform", `rotate(${angle} ${CX} ${CY})`);
}
