/** The live page of a running cluster, as a person uses it. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import {
  CHROMIUM,
  closePages,
  LOOKS,
  type Look,
  openBrowser,
  openPage,
  outOfReach,
  screenshot,
  violations,
} from "./browser.ts";

const POPS = ["LHR", "CDG", "CHI", "TYO"];
const WIDE: Look = { width: 1280, scheme: "light" };

let cluster: Cluster;
let browser: Browser;
beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  [cluster, browser] = await Promise.all([startCluster({ slide: true }), openBrowser()]);
});
// What a test broke and could not mend must not break the next.
afterEach(async () => {
  await closePages(browser);
  await cluster?.fault({ heal: true });
});
afterAll(async () => {
  await browser?.close();
  await cluster?.stop();
});

const badge = (page: Page, pop: string) => page.locator(`[data-pop="${pop}"] .badge`);

/** Plays the slide to its end. */
async function playTheSlide(page: Page): Promise<void> {
  await page.waitForSelector('#status[data-kind="live"]');
  await page.selectOption("#pace", "quick");
  await page.click("#play");
  await page.waitForSelector('#caption:not([data-done="no"])');
  const ending = await page.getAttribute("#caption", "data-done");
  if (ending !== "yes") throw new Error(`the slide ended with: ${await page.textContent("#caption-text")}`);
}

describe.skipIf(CHROMIUM === undefined)("the page of a cluster", () => {
  it("plays the slide: ten are admitted, the owner is at LHR, every POP blocks", async () => {
    const { page, wrongs } = await openPage(browser, cluster.url, WIDE);
    await playTheSlide(page);
    const tally = (await page.textContent("#caption-tally")) ?? "";
    expect(tally).toContain("10 of 10 admitted");
    for (const pop of POPS) expect(tally.split("blocked at")[1]).toContain(pop);
    await page.waitForFunction(() => document.querySelector("#fact-count")?.textContent === "10 of 10");
    expect(await page.textContent("#fact-owner")).toBe("LHR");
    // Another shape, not only another colour: that is what the class stands for.
    for (const pop of POPS) await page.waitForSelector(`[data-pop="${pop}"] .badge.blocks`);
    expect(await page.locator(".badge.owns").textContent()).toMatch(/LHR, London: .*the owner is here/);
    expect(await badge(page, "TYO").locator(".octagon").isVisible()).toBe(true);
    expect(await badge(page, "TYO").locator("circle.shape").isVisible()).toBe(false);
    expect(await page.locator(".arcs .forward").count()).toBe(3);
    await page.evaluate(() => scrollTo(0, 0));
    // The README's picture.
    await screenshot(page, "live-page", false);
    expect(wrongs).toEqual([]);
  });

  it("tells the client's story in order", async () => {
    const { page, wrongs } = await openPage(browser, cluster.url, WIDE);
    await playTheSlide(page);
    await page.waitForSelector("#events .blocked");
    const classes = await page
      .locator("#events li")
      .evaluateAll((items) => items.map((item) => item.className));
    // A client that is claimed within the second may be claimed before a hub hears that it was seen.
    expect(classes.filter((what, place) => what !== "seen" || place > 0)).toEqual(["claimed", "blocked"]);
    expect(await page.locator("#events .claimed").textContent()).toContain("claimed by LHR");
    expect(wrongs).toEqual([]);
  });

  it("shows another incarnation, with a higher epoch, once the owner is killed", async () => {
    const { page, wrongs } = await openPage(browser, cluster.url, WIDE);
    await page.waitForSelector('#status[data-kind="live"]');
    await page.fill("#ip", "203.0.113.66");
    const send = async (): Promise<void> => {
      await badge(page, "TYO").click();
      await page.waitForFunction(() => document.querySelector("#sent")?.textContent?.startsWith("TYO"));
      await page.evaluate(() => document.querySelector("#sent")?.replaceChildren());
    };
    for (let request = 0; request < 4; request += 1) await send();
    await page.waitForFunction(() => document.querySelector("#fact-owner")?.textContent === "TYO");
    await page.waitForFunction(() => document.querySelector("#fact-epoch")?.textContent === "1");
    await page.click("#kill");
    await page.waitForFunction(() => document.querySelector("#faults")?.textContent?.startsWith("Killed"));
    await send();
    await page.waitForFunction(() => Number(document.querySelector("#fact-epoch")?.textContent) > 1);
    await page.waitForSelector("#events .moved");
    expect(wrongs).toEqual([]);
  });

  it("blocks a client at every POP, releases it, and begins its count anew", async () => {
    const { page, wrongs } = await openPage(browser, cluster.url, WIDE);
    await page.waitForSelector('#status[data-kind="live"]');
    await page.fill("#ip", "203.0.113.77");
    // With the keyboard alone: a POP is a button.
    for (const pop of POPS) {
      await badge(page, pop).focus();
      await page.keyboard.press("Enter");
      await page.waitForFunction(
        (name) => document.querySelector("#sent")?.textContent?.startsWith(name),
        `${pop}: admitted`,
      );
    }
    await page.waitForFunction(() => document.querySelector("#story-key")?.textContent === "ip=203.0.113.77");
    await page.click("#block");
    for (const pop of POPS) await page.waitForSelector(`[data-pop="${pop}"] .badge.blocks`);
    await page.click("#release");
    await page.waitForSelector("#events .released");
    await page.waitForFunction(() => document.querySelector("#fact-blocked")?.textContent === "no");
    await page.click("#reset");
    await page.waitForFunction(() =>
      document.querySelector("#story-answer")?.textContent?.startsWith("Reset"),
    );
    await page.waitForFunction(() => document.querySelector("#fact-count")?.textContent?.startsWith("0 of"));
    expect(wrongs).toEqual([]);
  });

  it("sends bursts and crowds, cuts links and mends them, and says what became of it", async () => {
    const { page, wrongs } = await openPage(browser, cluster.url, WIDE);
    await page.waitForSelector('#status[data-kind="live"]');
    const says = (id: string, text: string): Promise<unknown> =>
      page.waitForFunction(
        ([where = "", what = ""]) => document.getElementById(where)?.textContent?.includes(what),
        [id, text],
      );
    await page.fill("#ip", "203.0.113.200");
    await page.click("#burst");
    await says("sent", "20 admitted, 0 denied");
    await page.click("#burst");
    await says("sent", "0 admitted, 20 denied");
    await page.fill("#ip", "198.51.100.1");
    await page.click("#crowd");
    await says("sent", "25 clients everywhere:");
    await page.selectOption("#cut-pop", "TYO");
    await page.click("#cut");
    await says("faults", "Cut: TYO to the owners");
    await page.click("#mend");
    await says("faults", "Nothing is broken");
    // What the cluster refuses is said, in its own words.
    await page.fill("#ip", "no address");
    await badge(page, "LHR").click();
    await says("sent", '"ip" is "no address"; allowed');
    expect(wrongs.filter((wrong) => !wrong.includes("400 (Bad Request)"))).toEqual([]);
  });

  it.each(LOOKS)("can be read and reached in all its parts, $width px wide, $scheme", async (look) => {
    const { page, wrongs } = await openPage(browser, cluster.url, look);
    await playTheSlide(page);
    await page.waitForSelector("#events .blocked");
    for (const pop of POPS) await page.waitForSelector(`[data-pop="${pop}"] .badge.blocks`);
    await screenshot(page, `cluster-${look.width}-${look.scheme}`);
    expect(await outOfReach(page)).toEqual([]);
    expect(await violations(page)).toEqual([]);
    expect(wrongs).toEqual([]);
  });
});
