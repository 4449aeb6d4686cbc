// What people do with the page, in a real browser: node scenarios.mjs FOLDER URL URL-WITH-AUTO-PANE URL-WITHOUT-DEVICE FULL-DISK. A
// line for each check, screenshots in FOLDER.

import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { accessible, check, drag, end, fits, open as openPage, sleep, until as untilAt } from "./browser.mjs";

const [, , folder, url, finding, bare, disk] = process.argv;
const open = (path, options) => openPage(new URL(path, url).href, folder, options);
const until = (wanted, what) => untilAt(url, wanted, what);
const bannerOf = (page) => page.textContent("#label");

async function bedside() {
  const { page, shot, close } = await open("/", { hasTouch: true });
  await until((s) => s.signal.state === "live", "a live signal");
  await page.tap("#patient");
  await shot("patient");
  await accessible(page, "patient dialog");
  await page.tap("#emergency");
  await page.tap("#injection");
  const begun = await until((s) => s.exam && !s.exam.ended && s.exam.patient === "emergency", "an emergency's exam");
  check(begun.exam.patient === "emergency", "an emergency's exam begins with the injection");

  await page.tap("#lesion");
  await drag(page, [0.3, 0.3], [0.6, 0.6]);
  await drag(page, [0.45, 0.45], [0.5, 0.45]);
  await shot("draw");
  // The driver loses a tap after a touch that it dragged by hand; a click is none.
  await page.click("#draw-confirm");
  const { pane } = begun;
  const { exam } = await until((s) => {
    const [left, width] = [(s.roi.x - pane.x) / pane.w, s.roi.w / pane.w];
    return Math.abs(left - 0.35) < 0.02 && Math.abs(width - 0.3) < 0.02;
  }, "the lesion where it was drawn and moved to");
  check(true, "a lesion drawn, moved and confirmed by touch");
  check(exam?.patient !== "unknown", "another lesion keeps the patient");
  await page.tap("#reference");
  await drag(page, [0.1, 0.5], [0.25, 0.65]);
  await page.click("#draw-confirm");
  await until((s) => s.reference !== null, "a reference");
  check(await page.locator("#drawn").isHidden(), "a reference drawn by touch, and what was drawn gives way to it");

  await page.waitForFunction(() => /HIGH|LOW|INDETERMINATE/.test(document.getElementById("verdict-text").textContent));
  await page.tap("#keep");
  await until((s) => s.exam?.verdict.ci95, "a verdict with its interval");
  await page.waitForTimeout(1000);
  await shot("live-1280");
  check((await bannerOf(page)).startsWith("DEMONSTRATION MODEL"), "the demonstration banner");
  await accessible(page, "bedside page, dark");
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.waitForTimeout(500);
  await shot("live-1920");
  await page.setViewportSize({ width: 1280, height: 800 });
  await fits(page, "1280×800");
  await page.tap("#theme");
  await page.waitForTimeout(300);
  await shot("live-light");
  await accessible(page, "bedside page, light");
  await page.tap("#theme");
  await page.tap("#language");
  await page.waitForFunction(() => document.documentElement.lang === "de");
  await page.waitForTimeout(1000);
  await shot("live-german");
  await fits(page, "1280×800 in German");
  await page.tap("#language");
  await page.waitForFunction(() => document.documentElement.lang === "en");

  await page.waitForFunction(() => document.body.dataset.exam === "running");
  await page.keyboard.press("s");
  const over = await until((s) => s.exam?.ended, "the end of the exam");
  await page.tap("#accept");
  await until((s) => s.exam.accepted === true, "an opinion");
  check(true, "the exam ended by keyboard and its verdict accepted");
  await shot("ended");
  await close("bedside page");
  return over.exam.id;
}

async function review(id) {
  const { page, shot, close } = await open("/review", { acceptDownloads: true });
  const entry = page.locator(`[data-exam="${id}"] button`);
  check((await entry.locator(".state").textContent()) === "ended", "the list says that the exam has ended");
  await entry.click();
  await page.waitForFunction(() => document.getElementById("mapped").naturalWidth > 0);
  const first = await page.getAttribute("#mapped", "src");
  await page.locator("#scrub").press("End");
  await page.waitForFunction((src) => document.getElementById("mapped").getAttribute("src") !== src, first);
  await page.waitForFunction(() => document.getElementById("mapped").complete);
  check((await page.textContent("#why-kept")) !== "", "key frames scrubbed, each with its reason");
  await shot("review-1280");
  await accessible(page, "review page");
  await page.click("#name");
  await page.fill("[name=patient_id]", "4711");
  await page.click("#patient-form .main");
  await page.waitForFunction(() => document.getElementById("who").textContent.includes("4711"));
  check(true, "an emergency named later");
  await fetch(`${url}/api/v1/exams/${id}/pathology`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ grade: "G3" }),
  });
  await page.waitForFunction(async (exam) => (await (await fetch(`/api/v1/exams/${exam}`)).json()).pathology, id);
  await page.reload();
  await page.waitForSelector("#found:not([hidden])");
  const found = [await page.textContent("#found"), await entry.locator(".found").textContent()];
  check(found.every((text) => text === "Pathology: HIGH (G3)"), `what pathology found, in exam and list: ${found.join(" | ")}`);
  await shot("review-pathology");
  await page.fill("#search", "4711 no-such-word");
  await page.waitForFunction(() => document.getElementById("list").children.length === 0);
  await page.fill("#search", "4711");
  await page.waitForFunction(() => document.getElementById("list").children.length === 1);
  check(true, "found by its patient");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
  const zip = readFileSync(await download.path());
  check(zip.subarray(0, 2).toString() === "PK" && zip.includes("frames.csv"), `exported: ${zip.length >> 10} KiB`);
  copyFileSync(await download.path(), `${folder}/export.zip`);
  execFileSync("python3", ["-m", "zipfile", "-e", `${folder}/export.zip`, `${folder}/export`]);
  const paper = execFileSync("pdftotext", ["-layout", `${folder}/export/${id}/report.pdf`, "-"], { encoding: "utf8" });
  const { verdict, label } = await (await fetch(`${url}/api/v1/exams/${id}`)).json();
  const wanted = [id, verdict.verdict.toUpperCase(), label, "4711", "(G3)"];
  const missing = wanted.filter((text) => !paper.includes(text));
  check(missing.length === 0 && /Research use only/.test(label), `on paper: ${wanted.join(", ")}; missing: ${missing.join(", ") || "nothing"}`);
  await page.setViewportSize({ width: 1920, height: 1080 });
  await shot("review-1920");
  check((await bannerOf(page)).startsWith("DEMONSTRATION MODEL"), "the exam's own banner");
  await close("review page");
}

/** How the box is, as a demo and as a daemon. */
async function device() {
  const demo = await open("/device");
  await demo.page.waitForFunction(() => document.querySelectorAll("#box tr").length >= 7);
  await demo.page.waitForSelector("#no-settings:not([hidden])");
  await demo.shot("device-demo");
  await demo.close("device page of a demo");

  const { page, shot, close } = await open(`${bare}/device`, { hasTouch: true });
  await page.tap("#language");
  await page.waitForFunction(() => document.documentElement.lang === "de" && document.querySelectorAll("#box tr").length >= 7);
  const german = await page.textContent("#box");
  check(/Thermometer|\d °C/.test(german) && /synchronisiert/.test(german) && !/synchronized|thermometer/.test(german), "what is found of the box, in German");
  await shot("device-german");
  await page.tap("#language");
  await page.waitForFunction(() => document.documentElement.lang === "en" && document.querySelectorAll("#card td").length > 20);
  await page.waitForFunction(() => document.querySelectorAll("#log li").length > 0);
  check(/Limits/.test(await page.textContent("#card")), "the model's card is shown");
  await shot("device-1280");
  await accessible(page, "device page, dark");
  const lines = await page.locator("#log li").count();
  await page.tap("#trouble");
  await page.waitForFunction((all) => document.querySelectorAll("#log li").length < all, lines);
  check(/not found/.test(await page.textContent("#log")), "the log, and of it what is wrong");
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.tap("#theme");
  await page.waitForTimeout(300);
  await shot("device-1920-light");
  await accessible(page, "device page, light");
  await page.tap("#theme");
  await close("device page");
}

/** A key of the config set by touch, refused where the config would refuse it, and taken back. */
async function settings() {
  const { page, shot, close } = await open(`${bare}/device`, { hasTouch: true });
  const idle = page.locator('[name="exam.idle_s"]');
  const now = async () => {
    await page.waitForFunction(async () => (await fetch("/api/v1/settings").catch(() => null))?.ok);
    await page.reload();
    return idle.inputValue();
  };
  check((await idle.inputValue()) === "30", "what the config says");
  await page.tap('.setting:has([name="exam.idle_s"]) .control button:last-child');
  await page.tap("#save");
  await page.waitForFunction(() => document.querySelector(".setting .from"));
  await shot("settings");
  await page.waitForTimeout(3000);
  check((await now()) === "35", "set by touch, it holds after the program has begun anew");
  await page.fill('[name="screen.range_db"]', "5");
  await page.tap("#save");
  await page.waitForSelector('#toast[data-bad="true"]');
  check(/screen.range_db: expected 20 to 120/.test(await page.textContent("#toast")), "what is wrong is refused in words");
  await shot("settings-refused");
  await page.reload();
  await page.tap(".setting .from button");
  await page.waitForTimeout(3000);
  check((await now()) === "30", "taken back, the config holds again");
  // The browser says by itself that an answer was no good.
  await page.context().close();
}

/** Whoever comes for the first time is shown around, by touch and by keyboard. */
async function tour() {
  const { page, shot, close, context } = await open(`${bare}/`, { tour: true, hasTouch: true });
  await page.waitForSelector("#tour:not([hidden])");
  await shot("tour-offer");
  await page.tap("#tour-next");
  await accessible(page, "the tour");
  const said = new Set();
  for (let step = 1; step <= 8; step++) {
    said.add(await page.textContent("#tour-words"));
    await shot(`tour-${step}`);
    if (step === 3) {
      await page.keyboard.press("ArrowLeft");
      await page.keyboard.press("ArrowRight");
    }
    if (step % 2) await page.tap("#tour-next");
    else await page.keyboard.press("Enter");
  }
  await page.waitForSelector("#tour", { state: "hidden" });
  check(said.size === 8, "the tour by touch and by keyboard");
  await page.reload();
  await page.waitForFunction(() => document.body.dataset.signal === "absent");
  check(await page.locator("#tour").isHidden(), "and not again in this browser");
  await page.click("#tour-start");
  await page.click("#language");
  await page.waitForFunction(() => document.documentElement.lang === "de");
  await page.click("#tour-start");
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.click("#theme");
  await shot("tour-german-light");
  await page.keyboard.press("Escape");
  const ended = await page.waitForSelector("#tour", { state: "hidden", timeout: 5000 }).then(() => true, () => false);
  check(ended, "Escape ends it");
  await close("the tour");
}

/** An order of the worklist is tapped. */
async function worklist() {
  const { page, shot, close } = await open(`${bare}/`, { hasTouch: true });
  await untilAt(bare, (s) => s.next_exam, "an exam to come");
  await page.waitForTimeout(1500);
  await page.tap("#patient");
  await page.waitForSelector("#worklist-steps button");
  await shot("worklist");
  await accessible(page, "the worklist");
  const orders = await page.locator("#worklist-steps button").allTextContents();
  check(orders.length === 2 && orders[0].includes("Müller"), `the worklist: ${orders.join(" | ")}`);
  await page.tap("#worklist-steps button >> nth=0");
  await untilAt(bare, (s) => s.next_exam?.patient === "known", "the patient of the order");
  check(true, "an order tapped is the next exam's");
  await close("the worklist");
}

/** The pane that was found is drawn anew by finger and so confirmed. */
async function pane() {
  const { page, shot, close } = await open(`${finding}/`, { hasTouch: true, tour: true });
  const layout = async () => (await (await fetch(`${finding}/api/v1/state`)).json()).layout.state;
  await page.waitForFunction(() => document.body.dataset.exam === "running", null, { timeout: 60_000 });
  check((await layout()) === "found", "the contrast pane was found");
  const list = await open(`${finding}/review`);
  check((await list.page.textContent("#list .state")) === "● running", "the list says that the exam runs");
  await list.close("the list while an exam runs");
  check(await page.locator("#tour").isHidden(), "no tour while an exam runs");
  await page.click("#start");
  await page.waitForSelector("#tour:not([hidden])");
  await page.click("#tour-end");
  await page.waitForSelector("#pane-bar:not([hidden])");
  await shot("pane-found");
  await accessible(page, "a pane to confirm");
  await page.click("#pane-draw");
  await drag(page, [0.05, 0.05], [0.95, 0.95]);
  await page.click("#draw-confirm");
  await page.waitForSelector("#pane-bar", { state: "hidden" });
  await page.waitForFunction(async () => (await (await fetch("/api/v1/state")).json()).layout.state === "confirmed");
  check(true, "drawn anew by touch it is confirmed");
  await close("a pane to confirm");
}

/** While the disk is full the page says that nothing is kept, and no longer. */
async function diskFull() {
  const { page, shot, close } = await open(`${finding}/`);
  await page.waitForFunction(() => document.body.dataset.signal === "live");
  if (await page.evaluate(() => document.body.dataset.exam !== "running")) await page.keyboard.press("s");
  await page.waitForFunction(() => document.body.dataset.exam === "running");
  const filler = `${disk}/filler`;
  try {
    for (;;) writeFileSync(filler, Buffer.alloc(1 << 20), { flag: "a" });
  } catch (error) {
    if (error.code !== "ENOSPC") throw error;
  }
  await page.waitForSelector("#fault:not([hidden])", { timeout: 60_000 });
  check(/NOT BEING STORED/.test(await page.textContent("#fault")), "a full disk is said");
  await page.waitForTimeout(500);
  await shot("disk-full");
  await accessible(page, "a full disk");
  await fits(page, "with a full disk");
  check(await page.evaluate(() => document.body.dataset.score === "shown"), "it grades all the same");
  rmSync(filler);
  await page.waitForSelector("#fault", { state: "hidden", timeout: 60_000 });
  check(true, "with room again it is stored again");
  await close("a full disk");
}

try {
  await pane();
  await diskFull();
  await review(await bedside());
  await device();
  await settings();
  await tour();
  await worklist();
} catch (error) {
  check(false, error.stack);
}
await end();
