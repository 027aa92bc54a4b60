/** What the live page shows of a rule's switches, and of what they do to a client. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import {
  CHROMIUM,
  closePages,
  type Look,
  openBrowser,
  openPage,
  outOfReach,
  screenshot,
  violations,
} from "./browser.ts";

const RULE = { window: "30d", algorithm: "fixed-window" };
const RULES = [
  {
    ...{ ...RULE, name: "api", match: { path: "/api" }, limit: 1_000 },
    ...{ threshold: "auto", excess_max: 0.02, lease: "auto", grace: "auto", spread: "auto" },
  },
  { ...RULE, name: "exact", match: { path: "/exact" }, limit: 20, threshold: 4, strict: 3 },
  { ...RULE, name: "plain", match: { path: "/plain" }, limit: 20, threshold: 4 },
];
const LOOKS: readonly Look[] = [
  { width: 1280, scheme: "dark" },
  { width: 390, scheme: "light" },
];

let cluster: Cluster;
let browser: Browser;
beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  [cluster, browser] = await Promise.all([startCluster({ rules: RULES }), openBrowser()]);
});
afterEach(() => closePages(browser));
afterAll(async () => {
  await browser?.close();
  await cluster?.stop();
});

async function send(many: number, path: string, ip: string): Promise<void> {
  for (let sent = 0; sent < many; sent += 1)
    await (await fetch(`${cluster.pops[0]?.url}${path}`, { headers: { "CF-Connecting-IP": ip } })).text();
}

/** The texts of the facts that are to be seen, by their names. */
const facts = (page: Page): Promise<Record<string, string>> =>
  page
    .locator(".facts > div:not([hidden])")
    .evaluateAll((all) =>
      Object.fromEntries(
        all.map((fact) => [fact.children[0]?.textContent ?? "", fact.children[1]?.textContent ?? ""]),
      ),
    );

async function choose(page: Page, ip: string): Promise<void> {
  const client = page.getByRole("button", { name: `ip=${ip}` });
  await client.focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#fact-count")?.textContent?.includes(" of "));
}

describe.skipIf(CHROMIUM === undefined)("the switches of a rule", () => {
  it("are shown beside it, and what they do where they are on", async () => {
    await send(24, "/api", "203.0.113.1");
    await send(5, "/exact", "203.0.113.2");
    await send(5, "/plain", "203.0.113.3");
    const { page, wrongs } = await openPage(browser, cluster.url, LOOKS[0] as Look);
    await choose(page, "203.0.113.1");
    expect(await page.textContent("#story-switches")).toBe(
      "excess_max 0.02 · lease auto · grace 3 · spread auto",
    );
    await page.waitForFunction(() => document.querySelector("#fact-threshold")?.textContent === "6");
    expect(await facts(page)).toMatchObject({ "Lent ahead": expect.stringMatching(/^\d+/), Threshold: "6" });
    expect(await facts(page)).not.toHaveProperty("Kept back");
    await choose(page, "203.0.113.2");
    await page.waitForFunction(() => document.querySelector("#fact-kept")?.textContent === "0");
    expect(await page.textContent("#story-switches")).toBe("strict 3");
    expect(Object.keys(await facts(page))).toEqual([
      ...["Count", "Owner", "Epoch", "Blocked", "Skew"],
      "Kept back",
    ]);
    await choose(page, "203.0.113.3");
    await page.waitForFunction(() => document.querySelector("#story-switches")?.textContent === "");
    expect(Object.keys(await facts(page))).toEqual(["Count", "Owner", "Epoch", "Blocked", "Skew"]);
    const shown = await page
      .locator("#rules tr")
      .evaluateAll((rows) => rows.map((row) => [0, 2].map((cell) => row.children[cell]?.textContent)));
    expect(shown).toEqual([
      ["apilease auto · grace 3 · spread auto", "auto ≤ 6"],
      ["exactstrict 3", "4"],
      ["plain", "4"],
    ]);
    expect(wrongs).toEqual([]);
  });

  it.each(LOOKS)("can be read and reached, $width px wide, $scheme", async (look) => {
    await send(30, "/api", "203.0.113.4");
    const { page, wrongs } = await openPage(browser, cluster.url, look);
    await choose(page, "203.0.113.4");
    await screenshot(page, `switches-${look.width}-${look.scheme}`);
    expect(await outOfReach(page)).toEqual([]);
    expect(await violations(page)).toEqual([]);
    expect(wrongs).toEqual([]);
  });
});
