/**
 * What each script asks of the limiter, unless its environment says otherwise. Pure data: k6 reads it as well
 * as Node.
 */

/** A rule, as far as scripts choose it. */
export interface RuledBy {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly limit: number;
  readonly threshold: number;
  readonly windowSeconds: number;
  readonly algorithm: "fixed-window" | "sliding-window";
  /** Owner objects that the rule's clients share; absent: one for each busy client. */
  readonly owners?: number;
}

export interface Plan extends RuledBy {
  /** In a few words, for `--help`. */
  readonly about: string;
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
    about:
      "all kinds of clients, for minutes, through many windows: memory stays flat, nobody waits for ever",
    limit: 20,
    windowSeconds: 10,
    algorithm: "sliding-window",
    rate: 50,
    seconds: 180,
  },
} as const satisfies Readonly<Record<string, Plan>>;

/** The soak's second rule: many new clients a second, whose owners are shared. */
export const SOAK_LOGIN = {
  ...base,
  method: "POST",
  path: "/login",
  limit: 4,
  threshold: 2,
  windowSeconds: 20,
  owners: 16,
} as const;

export type ScriptName = keyof typeof PLANS;
