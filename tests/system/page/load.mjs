// What looking costs, and how fast it is: node load.mjs URL PID FOLDER. A line for each check.

import { readFileSync } from "node:fs";
import { check, end, figure, open as openPage, sleep, stateOf, until as untilAt } from "./browser.mjs";
import { stall } from "./stalled.mjs";

const [, , url, pid, folder] = process.argv;
const open = (path) => openPage(new URL(path, url).href, folder);
const state = () => stateOf(url);
const until = (wanted, what) => untilAt(url, wanted, what);

const residentMb = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

const quantile = (sorted, share) => sorted[Math.floor((sorted.length - 1) * share)];

/** From a score published by the server to the frame that shows it: the page's own clock, as both are on one machine. */
async function latency() {
  const { page } = await open("/");
  await until((s) => s.score !== null, "a score");
  const first = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  check(first > 0, "it paints");
  figure("500 ms", `first paint after ${first?.toFixed(0)} ms`);
  const times = await page.evaluate(async () => {
    const shown = [];
    let last = null;
    const end = performance.now() + 15_000;
    while (performance.now() < end) {
      await new Promise((painted) => requestAnimationFrame(painted));
      const { published } = document.body.dataset;
      if (published && published !== last) {
        // The frame that this callback belongs to is on the screen when the next task runs.
        await new Promise((done) => { const { port1, port2 } = new MessageChannel(); port1.onmessage = done; port2.postMessage(0); });
        shown.push(performance.timeOrigin + performance.now() - Number(published));
        last = published;
      }
    }
    return shown.sort((a, b) => a - b);
  });
  const [median, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  check(times.length > 50, "scores are painted");
  figure("median 50 ms, p99 120 ms", `${times.length} scores, published to painted: median ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
  await page.context().close();
}

/** What four clients cost the pipeline: new pictures scored a second without them and with them, in turn. */
async function cost() {
  const rate = async (seconds) => {
    const rates = [];
    for (let n = 0; n < 2 * seconds; n++) {
      await sleep(500);
      rates.push((await state()).rates.new_fps);
    }
    return rates.sort((a, b) => a - b)[rates.length >> 1];
  };
  const [alone, watched] = [[], []];
  for (let round = 0; round < 3; round++) {
    alone.push(await rate(4));
    // They draw nothing: drawing would take this machine's processors, not theirs.
    const { page } = await open("/login");
    await page.evaluate(() => {
      for (let n = 0; n < 4; n++) {
        const socket = new WebSocket(`ws://${location.host}/api/v1/live`);
        socket.onmessage = ({ data }) => typeof data === "string" && data.includes('"type":"state"') && socket.send("next");
      }
    });
    await page.waitForTimeout(2000);
    watched.push(await rate(4));
    await page.context().close();
  }
  const middle = (rates) => rates.sort((a, b) => a - b)[1];
  const lost = 1 - middle(watched) / middle(alone);
  figure("5 %", `four clients cost ${(100 * lost).toFixed(1)} % of the scored pictures a second`);
}

/** Three who look, and thirteen who stall, each hung up on again and again: together they stall for ten minutes. */
async function stalled() {
  const [STALLED, TEN_MINUTES_S] = [13, 600];
  const viewers = [];
  for (let n = 0; n < 3; n++) viewers.push(await open("/"));
  const stop = { over: false, times: 0 };
  for (let n = 0; n < STALLED; n++) stall(url, n % 2 === 1, stop);
  while (stop.times < STALLED) await sleep(200);
  const [early, began, already] = [residentMb(), Date.now(), stop.times];
  let most = early;
  while (STALLED * (Date.now() - began) < 1000 * TEN_MINUTES_S) {
    await sleep(500);
    most = Math.max(most, residentMb());
  }
  const [late, times] = [residentMb(), stop.times - already];
  const { captured_fps: rate } = (await state()).rates;
  const live = await Promise.all(viewers.map(({ page }) => page.evaluate(() => document.body.dataset.signal)));
  check(times > 50, `${STALLED} stalled clients, hung up on ${times} times in what is ten minutes of one`);
  check(late - early < 8, `they cost no memory: ${early.toFixed(1)} MB early, ${late.toFixed(1)} late, ${most.toFixed(1)} at most`);
  check(live.every((signal) => signal === "live") && rate > 20, `the others go on: ${rate.toFixed(0)} frames/s in`);
  stop.over = true;
  for (const { context } of viewers) await context.close();
}

try {
  await latency();
  await cost();
  await stalled();
} catch (error) {
  check(false, error.stack);
}
await end();
