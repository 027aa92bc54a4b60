/** What the page shows of its state at one moment: clients, rules, data centres. Pure. */
import type { KeyCount, LiveNews, Switches } from "../../shared/telemetry/live.ts";
import type { State } from "./state.ts";

/** The client that was chosen: a key under a rule. */
export interface Chosen {
  /** The rule's name. */
  readonly rule: string;
  /** As it is shown. */
  readonly key: string;
  /** 32 hex digits, where they are known. */
  readonly hash: string | null;
}

/** One client at one data centre. */
export interface AtPop {
  used: number;
  claimed: boolean;
  blockedUntil: number;
  /** When its first isolate learnt of the block that stands; infinite for no block. */
  blockedSince: number;
}

export interface ClientRow {
  readonly id: string;
  readonly rule: string;
  readonly key: string;
  readonly hash: string | null;
  /** Cost admitted in the newest window, over all isolates that reported it. */
  readonly used: number;
  readonly pops: ReadonlyMap<string, AtPop>;
  /** What isolates hold ahead of asking, all together. */
  readonly ahead: number;
  /** The lowest automatic threshold in force at one of them; null where it is fixed. */
  readonly threshold: number | null;
  readonly claimed: boolean;
  readonly claimedBy: string | null;
  /** 0 for no block. */
  readonly blockedUntil: number;
  /** From the first isolate that learnt of the block to the last; null where fewer than two did. In ms. */
  readonly skewMs: number | null;
}

export interface RuleRow extends Switches {
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly threshold: number;
  readonly mode: "enforce" | "shadow";
  readonly guarantee: string;
  readonly claimed: number;
  readonly blocked: number;
}

/** How many claimed clients are forwarded from one data centre to owners at another. */
export interface Flow {
  readonly from: string;
  readonly to: string;
  readonly clients: number;
}

export interface Skew {
  readonly clients: number;
  readonly medianMs: number;
  readonly worstMs: number;
}

export interface Overview {
  readonly now: number;
  /** Busiest first. */
  readonly clients: readonly ClientRow[];
  readonly chosen: ClientRow | undefined;
  readonly rules: readonly RuleRow[];
  readonly pops: ReadonlySet<string>;
  readonly flows: readonly Flow[];
  readonly claimed: number;
  readonly blocked: number;
  readonly skew: Skew | null;
}

/** @param now the Worker's time, ms since 1970 */
export function overview(state: State, chosen: Chosen | undefined, now: number): Overview {
  const names = new Names(state);
  const drafts = clientsOf(state, names, now);
  const clients = Array.from(drafts.values(), (draft) => rowOf(draft, now)).sort(
    (a, b) => b.used - a.used || (a.id < b.id ? -1 : 1),
  );
  const claimed = clients.filter((client) => client.claimed);
  const blocked = clients.filter((client) => client.blockedUntil > 0);
  const chosenId = chosen && names.idOf(chosen.rule, chosen.key, chosen.hash);
  return {
    now,
    clients,
    chosen: clients.find(({ id }) => id === chosenId),
    rules: rulesOf(state, claimed, blocked),
    pops: popsOf(state),
    flows: flowsOf(claimed),
    claimed: claimed.length,
    blocked: blocked.length,
    skew: skewOf(blocked),
  };
}

const DIGITS = 16;
const HASH = /^[0-9a-f]{16}(?:[0-9a-f]{16})?$/;

/**
 * Who is who. A key is known by its hash once it was claimed, and before that by what is shown of it: either the
 * beginning of the hash, or readable text, which belongs to a hash if only one key is shown like that.
 */
class Names {
  readonly #rules: State["rules"];
  /** By rule and text, the hash that is shown so; null if several are. */
  readonly #hashes = new Map<string, string | null>();

  constructor(state: State) {
    this.#rules = state.rules;
    for (const { rule, key, hash } of state.claims.values()) this.#learn(this.ruleOf(rule), key, hash);
    for (const { keys } of state.keys.values())
      for (const { rule, key, hash } of keys) if (hash !== null) this.#learn(this.ruleOf(rule), key, hash);
  }

  #learn(rule: string, key: string, hash: string): void {
    if (HASH.test(key)) return;
    const name = `${rule} ${key}`;
    const known = this.#hashes.get(name);
    this.#hashes.set(name, known === undefined || known === hash ? hash : null);
  }

  ruleOf(version: string): string {
    return this.#rules.get(version)?.name ?? version;
  }

  idOf(rule: string, key: string, hash: string | null): string {
    const known = hash ?? this.#hashes.get(`${rule} ${key}`) ?? key;
    return `${rule} ${HASH.test(known) ? known.slice(0, DIGITS) : known}`;
  }
}

interface Draft {
  readonly id: string;
  readonly rule: string;
  key: string;
  hash: string | null;
  window: number;
  counts: KeyCount[];
  news: LiveNews | undefined;
}

function clientsOf(state: State, names: Names, now: number): Map<string, Draft> {
  const drafts = new Map<string, Draft>();
  const draftOf = (version: string, key: string, hash: string | null): Draft => {
    const rule = names.ruleOf(version);
    const id = names.idOf(rule, key, hash);
    const known = drafts.get(id);
    if (known === undefined) {
      const draft: Draft = { id, rule, key, hash, window: -1, counts: [], news: undefined };
      drafts.set(id, draft);
      return draft;
    }
    known.hash ??= hash;
    // What can be read is shown, whoever told it.
    if (HASH.test(known.key) && !HASH.test(key)) known.key = key;
    return known;
  };
  for (const { keys } of state.keys.values()) {
    for (const count of keys) {
      const draft = draftOf(count.rule, count.key, count.hash);
      if (count.window > draft.window) {
        draft.window = count.window;
        // A count of a window that is over; a block may reach beyond its window.
        draft.counts = draft.counts.filter(({ blockedUntil }) => (blockedUntil ?? 0) > now);
      }
      if (count.window === draft.window || (count.blockedUntil ?? 0) > now) draft.counts.push(count);
    }
  }
  for (const news of state.claims.values()) {
    if (Math.max(news.claimedUntil ?? 0, news.blockedUntil ?? 0) <= now) continue;
    draftOf(news.rule, news.key, news.hash).news = news;
  }
  return drafts;
}

function rowOf({ id, rule, key, hash, window, counts, news }: Draft, now: number): ClientRow {
  const pops = new Map<string, AtPop>();
  let used = 0;
  let ahead = 0;
  let threshold = Infinity;
  for (const count of counts) {
    const at = pops.get(count.pop) ?? { used: 0, claimed: false, blockedUntil: 0, blockedSince: Infinity };
    pops.set(count.pop, at);
    if (count.window === window) {
      at.used += count.used;
      used += count.used;
      ahead += count.ahead ?? 0;
      threshold = Math.min(threshold, count.threshold ?? Infinity);
    }
    at.claimed ||= count.claimed;
    if ((count.blockedUntil ?? 0) <= now) continue;
    at.blockedUntil = Math.max(at.blockedUntil, count.blockedUntil ?? 0);
    at.blockedSince = Math.min(at.blockedSince, count.blockedSince ?? Infinity);
  }
  const told = news?.blockedUntil ?? 0;
  return {
    id,
    rule,
    key,
    hash,
    used,
    pops,
    ahead,
    threshold: threshold === Infinity ? null : threshold,
    claimed: (news?.claimedUntil ?? 0) > now || counts.some(({ claimed }) => claimed),
    claimedBy: news?.claimedBy ?? null,
    blockedUntil: Math.max(told > now ? told : 0, ...Array.from(pops.values(), (at) => at.blockedUntil)),
    skewMs: skewMsOf(counts, now),
  };
}

/** Isolates learn of one block at different times. A block is known by when it ends. */
function skewMsOf(counts: readonly KeyCount[], now: number): number | null {
  const blocked = counts.filter(
    ({ blockedUntil, blockedSince }) => (blockedUntil ?? 0) > now && blockedSince,
  );
  const until = Math.max(0, ...blocked.map(({ blockedUntil }) => blockedUntil ?? 0));
  const since = blocked.flatMap((count) => (count.blockedUntil === until ? [count.blockedSince ?? 0] : []));
  return since.length < 2 ? null : Math.max(...since) - Math.min(...since);
}

function skewOf(blocked: readonly ClientRow[]): Skew | null {
  const sorted = blocked.flatMap(({ skewMs }) => (skewMs === null ? [] : [skewMs])).sort((a, b) => a - b);
  const medianMs = sorted[Math.floor(sorted.length / 2)];
  const worstMs = sorted.at(-1);
  return medianMs === undefined || worstMs === undefined
    ? null
    : { clients: sorted.length, medianMs, worstMs };
}

/** Rules in the order in which the Worker told them; the plans of one rule are one row. */
function rulesOf(state: State, claimed: readonly ClientRow[], blocked: readonly ClientRow[]): RuleRow[] {
  const countBy = (clients: readonly ClientRow[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const { rule } of clients) counts.set(rule, (counts.get(rule) ?? 0) + 1);
    return counts;
  };
  const [claims, blocks] = [countBy(claimed), countBy(blocked)];
  const rows = new Map<string, RuleRow>();
  for (const rule of state.rules.values()) {
    const { name } = rule;
    if (!rows.has(name))
      rows.set(name, { ...rule, claimed: claims.get(name) ?? 0, blocked: blocks.get(name) ?? 0 });
  }
  return [...rows.values()];
}

function popsOf(state: State): Set<string> {
  const pops = new Set<string>();
  for (const counts of state.counts.values()) for (const { pop } of counts.pops) pops.add(pop);
  for (const { keys } of state.keys.values()) for (const { pop } of keys) pops.add(pop);
  return pops;
}

function flowsOf(claimed: readonly ClientRow[]): Flow[] {
  const flows = new Map<string, Flow>();
  for (const { pops, claimedBy } of claimed) {
    if (claimedBy === null) continue;
    for (const from of pops.keys()) {
      if (from === claimedBy) continue;
      const name = `${from} ${claimedBy}`;
      flows.set(name, { from, to: claimedBy, clients: (flows.get(name)?.clients ?? 0) + 1 });
    }
  }
  return [...flows.values()].sort((a, b) => b.clients - a.clients);
}
