// The cable of a real capture device is pulled in the middle of an exam and put back: node cable.mjs FOLDER URL EXCHANGE. The device is
// the kernel's test device on a machine that does what lies in EXCHANGE (see `cable`).

import { rmSync, writeFileSync } from "node:fs";
import { check, end, open, until } from "./browser.mjs";

const [, , folder, url, exchange] = process.argv;
const put = (name) => writeFileSync(`${exchange}/${name}`, "");

try {
  // An emulated machine boots, and grades a picture or two a second.
  const { exam } = await until(url, (s) => s.signal.state === "live" && s.score !== null && s.exam?.verdict.score != null, "an exam", 240_000);
  const { page, shot, context } = await open(url, folder);
  const shown = (wanted) => page.waitForFunction((signal) => document.body.dataset.signal === signal, wanted, { timeout: 30_000 });
  const text = (id) => page.textContent(`#${id}`);
  await shown("live");
  await page.waitForFunction(() => document.body.dataset.score === "shown", null, { timeout: 60_000 });
  await shot("cable-in");
  const pulled = Date.now();
  put("pulled");
  await shown("no-signal");
  const said = Date.now() - pulled;
  check((await text("score")) === "" && (await text("why")) === "NO SIGNAL", `a pulled cable is said, and no score: after ${said} ms, emulated`);
  check(/\d/.test(await text("verdict-figures")), "the verdict so far stays");
  await shot("cable-pulled");
  await page.click("#theme");
  await shot("cable-pulled-light");
  await page.click("#theme");
  rmSync(`${exchange}/pulled`);
  await shown("live");
  await page.waitForFunction(() => document.body.dataset.score === "shown", null, { timeout: 60_000 });
  await shot("cable-back");
  const after = await until(url, (s) => s.score !== null, "a score");
  check(after.exam.id === exam.id && !after.exam.ended, "put back, the same exam goes on");
  await context.close();
} catch (error) {
  check(false, error.stack);
}
put("end");
await end();
