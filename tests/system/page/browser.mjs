// What the scenarios share: a browser, what is checked and printed, and a finger.

import axe from "axe-core";
import { chromium } from "playwright-core";

export const failures = { count: 0 };

export function check(holds, what) {
  console.log(`${holds ? "ok" : "FAILED"} ${what}`);
  failures.count += !holds;
}

/** What a busy machine moves is printed, not judged. */
export const figure = (bar, what) => console.log(`   ${what} (bar: ${bar})`);

export const stateOf = async (url) => (await fetch(`${url}/api/v1/state`, { signal: AbortSignal.timeout(5000) })).json();

export const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

/** The state at `url` once it is as wanted. */
export async function until(url, wanted, what, ms = 30_000) {
  const end = Date.now() + ms;
  let now;
  for (;;) {
    now = await stateOf(url).catch(() => null);
    if (now && wanted(now)) return now;
    if (Date.now() > end) throw new Error(`${what}: ${JSON.stringify({ ...now, map: undefined })}`);
    await sleep(100);
  }
}

export async function accessible(page, name) {
  // Not as a script of the page: its policy runs none but its own.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run());
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  for (const { id, nodes } of serious) console.log(`  ${id}: ${nodes.map((node) => node.html).join(" | ")}`);
  check(serious.length === 0, `${name}: no serious finding of axe`);
}

/** Everything on the page without scrolling. */
export async function fits(page, what) {
  const scrolls = await page.evaluate(() => document.body.scrollHeight > innerHeight || document.body.scrollWidth > innerWidth);
  check(!scrolls, `${what}: everything fits`);
}

const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
export const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });

/** A page whose screenshots go to `folder`; the tour was seen before, unless `tour` says otherwise. */
export async function open(url, folder, { tour = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", ...options });
  if (!tour) await context.addInitScript(() => localStorage.setItem("tour", "seen"));
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(url);
  const shot = (name) => page.screenshot({ path: `${folder}/${name}.png` });
  const close = (what) => {
    check(errors.length === 0, `${what}: no errors ${errors}`);
    return context.close();
  };
  return { page, shot, close, context };
}

/** Drags a finger from one place of the picture to another, in shares of it. */
export async function drag(page, [x1, y1], [x2, y2]) {
  const { x, y, width, height } = await page.locator("#pane").boundingBox();
  const at = (share) => ({ x: x + width * (x1 + (x2 - x1) * share), y: y + height * (y1 + (y2 - y1) * share) });
  const touch = await page.context().newCDPSession(page);
  const send = (type, touchPoints) => touch.send("Input.dispatchTouchEvent", { type, touchPoints });
  await send("touchStart", [at(0)]);
  for (const share of [0.3, 0.6, 1]) await send("touchMove", [at(share)]);
  await send("touchEnd", []);
}

export async function end() {
  await browser.close();
  process.exit(failures.count ? 1 : 0);
}
