/** The Chromium of this machine, driven for tests and benchmarks of the live page. */
import { type Browser, chromium } from "playwright-core";
import { findProgram } from "./programs.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"] as const;
/** Where packages put it, which not every PATH has. */
const FOLDERS = ["/usr/bin", "/usr/local/bin", "/snap/bin", "/Applications/Google Chrome.app/Contents/MacOS"];
/** It runs in containers, without a graphics card, and talks to nobody by itself. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The program: what CHROMIUM names, else the first that is installed; `undefined` where there is none. */
export const findChromium = (env: NodeJS.ProcessEnv): string | undefined =>
  env.CHROMIUM || NAMES.map((name) => findProgram(name, env, FOLDERS)).find((found) => found !== undefined);

export const NO_CHROMIUM = "no Chromium found; install it, or name it in CHROMIUM";

/** Starts it without a window. */
export const startChromium = (program: string): Promise<Browser> =>
  chromium.launch({ executablePath: program, headless: true, args: FLAGS });
