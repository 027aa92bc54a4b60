/** What a deployment under load would tell the live page: many claimed clients, many requests. Made up, by a clock that is given. */

import type { Region } from "../../shared/region.ts";
import {
  type Client,
  type Counts,
  type KeyCount,
  type Keys,
  type LiveMessage,
  type LiveNews,
  type LiveRule,
  OUTCOMES,
  type StoryEvent,
} from "../../shared/telemetry/live.ts";
import { type EpochMs, epochMs } from "../../shared/time.ts";

/** Data centres and the regions of their hubs. */
const POPS: readonly (readonly [pop: string, region: Region])[] = [
  ["LHR", "weur"],
  ["CDG", "weur"],
  ["FRA", "weur"],
  ["WAW", "eeur"],
  ["ORD", "enam"],
  ["IAD", "enam"],
  ["SJC", "wnam"],
  ["GRU", "sam"],
  ["JNB", "afr"],
  ["DXB", "me"],
  ["SIN", "apac"],
  ["NRT", "apac"],
  ["SYD", "oc"],
];
const RULES: readonly LiveRule[] = [
  ["login", 20, 4],
  ["search", 120, 10],
  ["site", 300, 20],
].map(([name, limit, threshold], index) => ({
  version: String(index + 1).repeat(16),
  name: String(name),
  limit: Number(limit),
  windowMs: 60_000,
  threshold: Number(threshold),
  algorithm: "sliding-window",
  mode: "enforce",
  guarantee: `at most ${limit} in every window of 1m worldwide`,
}));
/** How requests are decided: shares of the outcomes, in their order. */
const SHARES = [0, 0.42, 0.05, 0.22, 0.28, 0, 0, 0.03] as const;
/** Clients of a region that its hub tells of. */
const KEYS_TOLD_MAX = 100;
const WINDOW_MS = 60_000;
/** POPs that see one client. */
const POPS_PER_CLIENT = 3;

export interface FeedOptions {
  readonly claims: number;
  readonly requestsPerSecond: number;
  /** New announcements a second. */
  readonly newsPerSecond: number;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #counts = new Map<string, number[][]>();
  readonly #startedAt: number;
  readonly #story: StoryEvent[] = [];
  #versions = 0;
  #toldAt: number;

  constructor(options: FeedOptions, now: number) {
    this.#options = options;
    this.#startedAt = now;
    this.#toldAt = now;
    for (const [pop] of POPS)
      this.#counts.set(
        pop,
        RULES.map(() => OUTCOMES.map(() => 0)),
      );
  }

  /** What a new reader hears first. */
  first(now: number): readonly LiveMessage[] {
    const news = Array.from({ length: this.#options.claims }, (_, index) => this.#newsOf(index, now));
    return [
      { kind: "hello", now, pop: "LHR", rules: RULES },
      { kind: "news", at: now, standing: true, news },
      ...this.next(now),
    ];
  }

  /** What happened since it was last called. */
  next(now: number): readonly LiveMessage[] {
    const seconds = (now - this.#toldAt) / 1_000;
    this.#toldAt = now;
    const each = (seconds * this.#options.requestsPerSecond) / POPS.length / RULES.length;
    for (const rules of this.#counts.values())
      for (const outcomes of rules)
        for (const [index, share] of SHARES.entries())
          outcomes[index] = (outcomes[index] ?? 0) + each * share;
    const regions = [...new Set(POPS.map(([, region]) => region))];
    const told = Math.round(seconds * this.#options.newsPerSecond);
    const news = Array.from({ length: told }, () => this.#newsOf(this.#versions, now));
    return [
      ...regions.map((region) => this.#countsOf(region, now)),
      ...regions.map((region) => this.#keysOf(region, now)),
      ...(news.length > 0 ? [{ kind: "news", at: now, standing: false, news } as const] : []),
      {
        kind: "accuracy",
        at: now,
        rules: RULES.map(({ name, limit, threshold }) => ({
          rule: name,
          admitted: Math.round(limit * 40 + (now - this.#startedAt) / 50),
          over: 11,
          under: 2,
          worst: 3,
          bound: (POPS_PER_CLIENT - 1) * (threshold - 1),
        })),
      },
    ];
  }

  /** What is told of a chosen client. Each time one more thing has happened to it. */
  client(rule: string, key: string, now: number): Client {
    const what =
      (["seen", "claimed", "blocked", "moved", "released"] as const)[this.#story.length % 5] ?? "seen";
    this.#story.push({ at: now, what, pop: "LHR", epoch: 1 + this.#story.length, until: now + WINDOW_MS });
    return {
      kind: "client",
      at: now,
      rule,
      key,
      accounts: [
        {
          rule,
          key,
          epoch: 3,
          window: windowOf(now),
          count: this.#story.length,
          limit: 20,
          resetAt: later(now),
          claimed: true,
          claimedBy: "LHR",
          sources: POPS_PER_CLIENT,
          blockedUntil: later(now),
          override: null,
        },
      ],
      story: this.#story.slice(-100),
      problem: null,
    };
  }

  #countsOf(region: Region, at: number): Counts {
    // Each rounds at another moment, or all would count in step.
    const whole = (value: number, index: number, pop: string): number =>
      Math.floor(value + ((pop.charCodeAt(0) * 7 + pop.charCodeAt(1) * 3 + index) % 10) / 10);
    const pops = POPS.filter(([, of]) => of === region).map(([pop]) => ({
      pop,
      isolates: 4,
      rules: Object.fromEntries(
        RULES.map(({ version }, index) => [
          version,
          (this.#counts.get(pop)?.[index] ?? []).map((value) => whole(value, index, pop)),
        ]),
      ),
      unlimited: 0,
    }));
    return { kind: "counts", at, region, pops };
  }

  #keysOf(region: Region, at: number): Keys {
    const here = POPS.flatMap(([pop, of], place) => (of === region ? [{ pop, place }] : []));
    const keys: KeyCount[] = [];
    for (let client = 0; client < this.#options.claims && keys.length < KEYS_TOLD_MAX; client += 1) {
      for (const { pop, place } of here) {
        // A client's POPs are neighbours in the list.
        if ((place - client + this.#options.claims * POPS.length) % POPS.length >= POPS_PER_CLIENT) continue;
        keys.push(keyAt(client, pop, place, at));
      }
    }
    return { kind: "keys", at, region, keys };
  }

  #newsOf(client: number, now: number): LiveNews {
    this.#versions += 1;
    const index = client % Math.max(1, this.#options.claims);
    return {
      ...named(index),
      epoch: 1,
      version: this.#versions,
      claimedBy: POPS[index % POPS.length]?.[0] ?? null,
      claimedUntil: now + WINDOW_MS,
      blockedUntil: isBlocked(index) ? now + WINDOW_MS : null,
      released: false,
    };
  }
}

const windowOf = (now: number): number => Math.floor(now / WINDOW_MS);
const later = (now: number): EpochMs => epochMs(now + WINDOW_MS / 2);
const isBlocked = (client: number): boolean => client % 3 === 0;

const named = (client: number): { readonly rule: string; readonly key: string; readonly hash: string } => ({
  rule: RULES[client % RULES.length]?.version ?? "",
  key: `ip=198.51.${100 + (client >> 8)}.${client & 255}`,
  hash: client.toString(16).padStart(16, "0").repeat(2),
});

function keyAt(client: number, pop: string, place: number, at: number): KeyCount {
  const blockedUntil = (windowOf(at) + 1) * WINDOW_MS;
  return {
    ...named(client),
    pop,
    source: `${pop}-${client}`,
    window: windowOf(at),
    // It moves, so that each second every row has something new and rows change places.
    used: 5 + ((client * 7 + place + Math.floor(at / 1_000)) % 60),
    claimed: true,
    blockedUntil: isBlocked(client) ? blockedUntil : null,
    blockedSince: isBlocked(client) ? blockedUntil - WINDOW_MS + ((place * 37) % 160) : null,
  };
}
