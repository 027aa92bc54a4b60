/** The page as a deployed Worker serves it: it asks for the token, follows the stream, and comes back when that ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { PAGE_TOKEN, type PageServer, servePage } from "../../loadtest/bench/page-server.ts";
import { buildPage } from "../../package/page.ts";
import { PAGE_HEADERS } from "../../worker/page-headers.ts";
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

const WIDE: Look = { width: 1280, scheme: "light" };
const EVERY_MS = 500;
const LOAD = { claims: 60, requestsPerSecond: 300, newsPerSecond: 5 };

const folder = mkdtempSync(join(tmpdir(), "onecount-page-"));
let server: PageServer;
let browser: Browser;
beforeAll(async () => {
  await buildPage(folder);
  server = await servePage(folder, LOAD, PAGE_HEADERS, EVERY_MS);
  if (CHROMIUM !== undefined) browser = await openBrowser();
});
afterEach(() => closePages(browser));
afterAll(async () => {
  await browser?.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(CHROMIUM === undefined)("the page of a deployed Worker", () => {
  it("asks for the token, says when it is wrong, and keeps the right one for its tab", async () => {
    const { page, wrongs } = await openPage(browser, server.url, WIDE);
    await page.waitForSelector("#token-form");
    expect(await page.locator("#board").isVisible()).toBe(false);
    expect(await violations(page)).toEqual([]);
    await page.fill("#token", "wrong");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("#token-problem")?.textContent !== "");
    await page.fill("#token", PAGE_TOKEN);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#clients tr");
    await page.reload();
    await page.waitForSelector("#clients tr");
    expect(page.url()).toBe(server.url);
    expect(await page.evaluate(() => [localStorage.length, document.cookie])).toEqual([0, ""]);
    // A browser says by itself that a path was not found.
    expect(wrongs.filter((wrong) => !wrong.includes("404 (Not Found)"))).toEqual([]);
  });

  it("has nothing that only a cluster has", async () => {
    const { page } = await openPage(browser, server.url, WIDE);
    await page.fill("#token", PAGE_TOKEN);
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-pop] .badge");
    expect(await page.locator("#panel").isVisible()).toBe(false);
    expect(await page.locator("[data-pop] button").count()).toBe(0);
  });

  it.each(LOOKS)("can be read and reached in all its parts, $width px wide, $scheme", async (look) => {
    const { page, wrongs } = await openPage(browser, server.url, look);
    await page.fill("#token", PAGE_TOKEN);
    await page.keyboard.press("Enter");
    await page.locator("#clients button").first().click();
    await page.waitForFunction(() => document.querySelectorAll("#events li").length >= 5);
    await screenshot(page, `deployed-${look.width}-${look.scheme}`);
    expect(await page.locator("#clients tr").count()).toBe(50);
    expect(await outOfReach(page)).toEqual([]);
    expect(await violations(page)).toEqual([]);
    expect(wrongs).toEqual([]);
  });

  it("says that it is stale when the stream ends, and follows it again by itself", async () => {
    const { page } = await openPage(browser, server.url, WIDE);
    await page.fill("#token", PAGE_TOKEN);
    await page.keyboard.press("Enter");
    await page.waitForSelector('#status[data-kind="live"]');
    server.pause();
    await page.waitForFunction(() =>
      document.querySelector("#status-text")?.textContent?.startsWith("Stale"),
    );
    expect(await page.locator("#status").getAttribute("data-kind")).not.toBe("live");
    server.resume();
    await page.waitForSelector('#status[data-kind="live"]');
  });

  it("shows what comes from outside as text, whatever it looks like", async () => {
    const evil = "ip=<img src=x onerror=document.title='!'><b>9</b>";
    const few = await servePage(folder, { ...LOAD, claims: 5 }, PAGE_HEADERS, EVERY_MS);
    few.say({
      kind: "news",
      at: Date.now(),
      standing: false,
      news: [
        {
          rule: "<i>rule</i>",
          key: evil,
          hash: "e".repeat(32),
          epoch: 1,
          version: 1,
          claimedBy: "<u>LHR</u>",
          claimedUntil: Date.now() + 60_000,
          blockedUntil: null,
          released: false,
        },
      ],
    });
    const { page, wrongs } = await openPage(browser, few.url, WIDE);
    await page.fill("#token", PAGE_TOKEN);
    await page.keyboard.press("Enter");
    await page.getByText(evil, { exact: true }).first().click();
    await page.waitForFunction((text) => document.querySelector("#story-key")?.textContent === text, evil);
    expect(
      await page.evaluate(() => [
        document.title,
        document.querySelectorAll("main img, main u, main b b").length,
      ]),
    ).toEqual(["Onecount live", 0]);
    expect(wrongs).toEqual([]);
    await few.stop();
  });
});
