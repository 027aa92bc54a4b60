/** A browser for each test file, and what a page may never do in it. */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { findChromium, NO_CHROMIUM, startChromium } from "../../loadtest/tools/chromium.ts";

/** The browser's program; without it the tests of a file are skipped, and stderr says so. */
export const CHROMIUM = findChromium(process.env);
if (CHROMIUM === undefined) process.stderr.write(`SKIPPED: the browser tests (${NO_CHROMIUM})\n`);

export const OUT = fileURLToPath(new URL("./out", import.meta.url));
mkdirSync(OUT, { recursive: true });

export const openBrowser = (): Promise<Browser> => startChromium(CHROMIUM ?? "");

/** Pages that a test leaves open go on drawing beside the next one's. */
export async function closePages(browser: Browser | undefined): Promise<void> {
  await Promise.all((browser?.contexts() ?? []).map((context) => context.close()));
}

export interface Look {
  readonly width: 1280 | 390;
  readonly scheme: "light" | "dark";
}
export const LOOKS: readonly Look[] = ([1280, 390] as const).flatMap((width) =>
  (["light", "dark"] as const).map((scheme) => ({ width, scheme })),
);

/** A page, and all that went wrong on it or left this machine. */
export interface Watched {
  readonly page: Page;
  readonly wrongs: readonly string[];
}

export async function openPage(browser: Browser, url: string, { width, scheme }: Look): Promise<Watched> {
  const context = await browser.newContext({
    viewport: { width, height: width === 390 ? 844 : 900 },
    colorScheme: scheme,
    // Rings and smooth scrolling say nothing here, and take time.
    reducedMotion: "reduce",
  });
  // Nothing here is about time: a busy machine takes longer, and that is all.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const wrongs: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) wrongs.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrongs.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).hostname !== "127.0.0.1") wrongs.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, wrongs };
}

export const screenshot = async (page: Page, name: string, fullPage = true): Promise<void> =>
  void (await page.screenshot({ path: join(OUT, `${name}.png`), fullPage }));

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** What axe finds: rules that are broken, each with the elements that break it. */
export async function violations(page: Page): Promise<readonly string[]> {
  // The page's policy lets no script in; the debugger may still evaluate one.
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate("axe.run(document)")) as AxeResults;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Controls that cannot be reached with the keyboard, lie beyond the page's edges, or are covered. */
export const outOfReach = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const wrong: string[] = [];
    if (document.documentElement.scrollWidth > width) wrong.push("the page scrolls sideways");
    for (const control of document.querySelectorAll<HTMLElement>("button, input, select, a")) {
      if (!control.checkVisibility() || (control as HTMLButtonElement).disabled) continue;
      const name = control.id || control.getAttribute("aria-label") || control.textContent || "";
      control.focus();
      if (document.activeElement !== control) wrong.push(`${name} takes no focus`);
      control.scrollIntoView({ block: "center", inline: "center" });
      const { left, right, top, bottom } = control.getBoundingClientRect();
      if (left < 0 || right > width + 1) wrong.push(`${name} lies beyond the edge`);
      const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      if (hit === null || !control.contains(hit)) wrong.push(`${name} is covered`);
    }
    scrollTo(0, 0);
    return wrong;
  });
