// A model card on the page: the part of markdown that cards are written in, as elements. Nothing in it is taken for HTML.

const INLINE = /\*\*(?<strong>.+?)\*\*|`(?<code>[^`]+)`|\*(?<em>[^*]+)\*|\[(?<span>[^\]]+)\]\([^)]*\)/g;

/** Text with what is marked in it; of a link its words alone, for the cart leads nowhere. */
function inline(element, text) {
  let done = 0;
  for (const { 0: all, groups, index } of text.matchAll(INLINE)) {
    element.append(text.slice(done, index));
    const [name, marked] = Object.entries(groups).find(([, found]) => found !== undefined);
    element.appendChild(document.createElement(name)).textContent = marked;
    done = index + all.length;
  }
  element.append(text.slice(done));
  return element;
}

const make = (name, text = "") => inline(document.createElement(name), text);

function table(lines) {
  const cells = lines.map((line) => line.replace(/^\||\|\s*$/g, "").split("|").map((cell) => cell.trim()));
  const [head, , ...rows] = cells;
  const whole = make("table");
  const row = (texts, name) => whole.insertRow().append(...texts.map((text) => make(name, text)));
  row(head, "th");
  for (const texts of rows) row(texts, "td");
  return whole;
}

const LIST = /^[-*] /;
const BREAKS = /^(#{1,6} |```|\||[-*] |\s*$)/;

/** Elements for the blocks of a card. */
export function card(markdown) {
  const lines = markdown.split("\n");
  const blocks = [];
  const take = (holds) => {
    const from = lines.findIndex((line) => !holds(line));
    return lines.splice(0, from < 0 ? lines.length : from);
  };
  while (lines.length) {
    const [line] = lines;
    const heading = /^(#{1,6}) (.*)/.exec(line);
    if (heading) {
      blocks.push(make(`h${Math.min(heading[1].length + 2, 6)}`, heading[2]));
      lines.shift();
    } else if (line.startsWith("```")) {
      lines.shift();
      const code = document.createElement("pre");
      code.textContent = take((text) => !text.startsWith("```")).join("\n");
      blocks.push(code);
      lines.shift();
    } else if (line.startsWith("|")) {
      blocks.push(table(take((text) => text.startsWith("|"))));
    } else if (LIST.test(line)) {
      const list = make("ul");
      while (lines.length && LIST.test(lines[0])) {
        const first = lines.shift().replace(LIST, "");
        list.append(make("li", [first, ...take((text) => !BREAKS.test(text))].join(" ")));
      }
      blocks.push(list);
    } else if (line.trim() === "") {
      lines.shift();
    } else {
      blocks.push(make("p", [lines.shift(), ...take((text) => !BREAKS.test(text))].join(" ")));
    }
  }
  return blocks;
}
