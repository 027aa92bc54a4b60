/**
 * What each script asks of the limiter, unless its environment says otherwise. Pure data: k6 reads it as well
 * as Node.
 */

export interface Plan {
  /** In a few words, for `--help`. */
  readonly about: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly limit: number;
  readonly threshold: number;
  readonly windowSeconds: number;
  readonly algorithm: "fixed-window" | "sliding-window";
  /** Iterations a second: the rate, or the peak of a ramp. */
  readonly rate: number;
  readonly seconds: number;
  /** POPs that one client uses at most; absent: all of them. */
  readonly sources?: number;
}

/** Longer than any run, so that all of it falls into one window and figures are exact. */
const LONG_WINDOW = 30 * 86_400;

const base = {
  method: "GET",
  path: "/",
  limit: 20,
  threshold: 4,
  windowSeconds: LONG_WINDOW,
  algorithm: "fixed-window",
} as const;

/** By the script's name, which is also its file's. */
export const PLANS = {
  slide: {
    ...base,
    about: "the three steps of the slide, each one a check",
    limit: 10,
    rate: 1,
    seconds: 10,
  },
  steady: {
    ...base,
    about: "many clients, all of them below the limit: nobody is denied",
    rate: 50,
    seconds: 20,
  },
  "flash-crowd": {
    ...base,
    about: "one client over all POPs, more and more often",
    limit: 100,
    threshold: 10,
    rate: 100,
    seconds: 15,
  },
  "credential-stuffing": {
    ...base,
    about: "very many clients, a few logins of each over two POPs",
    method: "POST",
    path: "/login",
    limit: 5,
    threshold: 3,
    rate: 20,
    seconds: 15,
    sources: 2,
  },
  spread: {
    ...base,
    about: "one client, thinly over all POPs",
    limit: 10,
    rate: 4,
    seconds: 10,
  },
  soak: {
    ...base,
    about: "ten clients above the limit, for long, through many windows",
    limit: 60,
    windowSeconds: 60,
    algorithm: "sliding-window",
    rate: 20,
    seconds: 600,
  },
} as const satisfies Readonly<Record<string, Plan>>;

export type ScriptName = keyof typeof PLANS;
