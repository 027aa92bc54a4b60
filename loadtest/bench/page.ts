/** What the live page takes of a browser while a deployment is busy: its weight, its first paint, its longest frame. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { buildPage } from "../../package/page.ts";
import { PAGE_HEADERS } from "../../worker/page-headers.ts";
import { findChromium, NO_CHROMIUM, startChromium } from "../tools/chromium.ts";
import type { Goal } from "./decide.ts";
import { PAGE_TOKEN, servePage } from "./page-server.ts";

const CLAIMS = 500;
const REQUESTS_PER_SECOND = 500;
const NEWS_PER_SECOND = 20;
const EVERY_MS = 1_000;
const WATCHED_MS = 10_000;

const GZIP_KB_MAX = 250;
const FIRST_PAINT_MS_MAX = 1_000;
const FRAME_MS_MAX = 100;

export type PageFigures =
  | { readonly skipped: string }
  | {
      readonly claims: number;
      readonly requestsPerSecond: number;
      readonly seconds: number;
      readonly gzipKb: number;
      readonly firstPaintMs: number;
      readonly frames: number;
      readonly longestFrameMs: number;
      readonly p99FrameMs: number;
      readonly goals: readonly Goal[];
    };

export async function benchPage(
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<PageFigures> {
  const program = findChromium(process.env);
  if (program === undefined) return { skipped: NO_CHROMIUM };
  const folder = mkdtempSync(join(tmpdir(), "onecount-page-"));
  try {
    await buildPage(folder);
    const load = { claims: CLAIMS, requestsPerSecond: REQUESTS_PER_SECOND, newsPerSecond: NEWS_PER_SECOND };
    const server = await servePage(folder, load, PAGE_HEADERS, EVERY_MS);
    try {
      const browser = await startChromium(program);
      const stop = (): void => void browser.close();
      signal.addEventListener("abort", stop, { once: true });
      try {
        const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
        return figures(folder, await watch(page, server.url, progress));
      } finally {
        await browser.close();
      }
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Watched {
  readonly firstPaintMs: number;
  /** From one frame to the next, ms. */
  readonly frames: readonly number[];
}

async function watch(page: Page, url: string, progress: (share: number) => void): Promise<Watched> {
  await page.goto(url);
  // It may not be painted yet.
  const firstPaintMs: number = await page.evaluate(`new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const [paint] = list.getEntriesByName("first-contentful-paint");
      if (paint) resolve(paint.startTime);
    }).observe({ type: "paint", buffered: true });
  })`);
  await page.fill("#token", PAGE_TOKEN);
  await page.keyboard.press("Enter");
  await page.locator("#clients button").first().click();
  await page.waitForSelector("#events li");
  progress(0.2);
  // As text: what runs in a page has other types than what runs here.
  const frames: readonly number[] = await page.evaluate(`new Promise((resolve) => {
    const frames = [];
    const beganAt = performance.now();
    let before = beganAt;
    requestAnimationFrame(function frame(now) {
      if (now > before) frames.push(now - before);
      before = now;
      if (now - beganAt < ${WATCHED_MS}) requestAnimationFrame(frame);
      else resolve(frames);
    });
  })`);
  return { firstPaintMs, frames };
}

function figures(folder: string, { firstPaintMs, frames }: Watched): PageFigures {
  const files = readdirSync(folder).map((file) => readFileSync(join(folder, file)));
  const gzipKb = files.reduce((sum, file) => sum + gzipSync(file).length, 0) / 1_000;
  const sorted = frames.toSorted((a, b) => a - b);
  const longestFrameMs = sorted.at(-1) ?? Number.NaN;
  const goal = (text: string, actual: number, most: number): Goal => ({ text, actual, met: actual <= most });
  return {
    claims: CLAIMS,
    requestsPerSecond: REQUESTS_PER_SECOND,
    seconds: WATCHED_MS / 1_000,
    gzipKb,
    firstPaintMs,
    frames: frames.length,
    longestFrameMs,
    p99FrameMs: sorted[Math.floor(0.99 * sorted.length)] ?? Number.NaN,
    goals: [
      goal(`at most ${GZIP_KB_MAX} KB compressed, with all its files: KB`, gzipKb, GZIP_KB_MAX),
      goal(`first contentful paint within ${FIRST_PAINT_MS_MAX} ms`, firstPaintMs, FIRST_PAINT_MS_MAX),
      goal(
        `no frame over ${FRAME_MS_MAX} ms while a client's story is open: the longest`,
        longestFrameMs,
        FRAME_MS_MAX,
      ),
    ],
  };
}
