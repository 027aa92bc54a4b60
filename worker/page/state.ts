/**
 * What the page knows, folded from the messages of the stream. It reads no clock and touches no document. It is changed
 * in place, for a copy of thousands of claims with each message would cost what the messages themselves do not.
 */
import type {
  Accuracy,
  Client,
  Counts,
  Keys,
  LiveMessage,
  LiveNews,
  LiveRule,
} from "../../shared/telemetry/live.ts";
import { Series } from "./series.ts";

/** Claims that are kept. The oldest go first. */
const CLAIMS_MAX = 5_000;

export interface State {
  /** The newest time that a message told, ms since 1970. */
  now: number;
  /** The data centre that answers. */
  pop: string;
  /** By version. */
  rules: ReadonlyMap<string, LiveRule>;
  readonly counts: Map<string, Counts>;
  readonly keys: Map<string, Keys>;
  /** Regions that say nothing. */
  readonly silent: Set<string>;
  /** What owners told last of each key, by `claimName`. Oldest first. */
  readonly claims: Map<string, LiveNews>;
  client: Client | null;
  accuracy: Accuracy | null;
  /** Announcements since the page was opened. */
  announcements: number;
  readonly series: Series;
}

export const emptyState = (): State => ({
  now: 0,
  pop: "",
  rules: new Map(),
  counts: new Map(),
  keys: new Map(),
  silent: new Set(),
  claims: new Map(),
  client: null,
  accuracy: null,
  announcements: 0,
  series: new Series(),
});

/** The name of a claim: of one key under one version of a rule. */
export const claimName = ({ rule, hash }: Pick<LiveNews, "rule" | "hash">): string => `${rule} ${hash}`;

/** Takes a message in. Returns what owners announced just now: not what stood before. */
export function fold(state: State, message: LiveMessage): readonly LiveNews[] {
  state.now = Math.max(state.now, message.kind === "hello" ? message.now : message.at);
  switch (message.kind) {
    case "hello":
      state.pop = message.pop;
      state.rules = new Map(message.rules.map((rule) => [rule.version, rule]));
      // All that stands comes anew.
      state.claims.clear();
      state.silent.clear();
      return [];
    case "counts":
      state.silent.delete(message.region);
      state.series.add(state.counts.get(message.region), message);
      state.counts.set(message.region, message);
      return [];
    case "keys":
      state.silent.delete(message.region);
      state.keys.set(message.region, message);
      return [];
    case "news":
      return foldNews(state, message.news, message.standing);
    case "client":
      state.client = message;
      return [];
    case "accuracy":
      state.accuracy = message;
      return [];
    case "silent":
      state.silent.add(message.region);
      return [];
    case "beat":
      return [];
    default:
      // A newer Worker may say more than this page knows.
      message satisfies never;
      return [];
  }
}

function foldNews(state: State, news: readonly LiveNews[], standing: boolean): readonly LiveNews[] {
  const fresh = news.filter((told) => {
    const name = claimName(told);
    const known = state.claims.get(name);
    // Regions hear the same at different times.
    if (known !== undefined && !isNewer(told, known)) return false;
    state.claims.delete(name);
    state.claims.set(name, told);
    return true;
  });
  for (const [name, { claimedUntil, blockedUntil }] of state.claims) {
    const isOver = Math.max(claimedUntil ?? 0, blockedUntil ?? 0) <= state.now;
    if (isOver || state.claims.size > CLAIMS_MAX) state.claims.delete(name);
  }
  if (standing) return [];
  state.announcements += fresh.length;
  return fresh;
}

const isNewer = (a: LiveNews, b: LiveNews): boolean =>
  a.epoch === b.epoch ? a.version > b.version : a.epoch > b.epoch;
