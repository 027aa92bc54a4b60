/**
 * A tiny world for tests of the core: a few sources, the owners of their keys, and a network that does
 * nothing by itself. A test delivers, loses, repeats and reorders its messages by hand, moves the time, kills
 * owners, and steps requests. The core is the production one; only clocks and links are made up.
 */
import "./seed.ts";
import { gridOf } from "../../shared/grid.ts";
import { KeyHasher } from "../../shared/key.ts";
import { type Account, ask, openAccount, type Step } from "../../shared/owner/account.ts";
import { accountName } from "../../shared/owner/accounts.ts";
import { carryOut } from "../../shared/owner/admin.ts";
import { decodeRow, encodeRow } from "../../shared/owner/row.ts";
import { policyOf } from "../../shared/policy.ts";
import { Admission, type Decision, type RequestedRule } from "../../shared/pop/decide.ts";
import type { HotKey } from "../../shared/pop/hot-key.ts";
import type { Flight, Waiter } from "../../shared/pop/outbox.ts";
import { Source } from "../../shared/pop/source.ts";
import type { Command, CommandAction } from "../../shared/protocol/commands.ts";
import type { Announcement, Answer, Ask } from "../../shared/protocol/messages.ts";
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { durationMs, type EpochMs, epochMs } from "../../shared/time.ts";

/** The first millisecond of a minute (and of a second): with `align = "clock"` windows begin here. */
export const T0 = epochMs(1_700_000_040_000);
/** What a property of thousands of runs may take on a busy machine; alone it takes a tenth of that. */
export const SLOW_MS = 30_000;
export const MINUTE = durationMs(60_000);
const SECRET = new Uint32Array([1, 2, 3, 4, 5, 6, 7, 8]);

const [SLIDE] = rulesIn([
  {
    name: "login",
    match: { path: "/" },
    key: ["ip"],
    limit: 10,
    window: "60s",
    threshold: 4,
    algorithm: "fixed-window",
    on_failure: "closed",
    deadline: "200ms",
    align: "clock",
  },
]);

function rulesIn(written: unknown): readonly Rule[] {
  const parsed = parseRules(written);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join("; "));
  return parsed.rules;
}

/** A rule with the slide's numbers; windows on the clock, `closed` so that failures admit nothing. */
export const ruleWith = (said: Partial<Rule> = {}): Rule => ({
  ...(SLIDE as Rule),
  version: "0123456789abcdef",
  ...said,
});

export interface Node {
  readonly index: number;
  readonly source: Source;
  /** How far its clock is ahead of the world's. */
  skewMs: number;
  /** Every hot key it ever sent or heard for. */
  readonly hot: Set<HotKey>;
  /** Requests that wait. */
  readonly waiting: Set<Request>;
}

/** A request at one node. `decision` is undefined while it waits. */
export interface Request {
  readonly node: Node;
  readonly cost: number;
  readonly admission: Admission;
  decision: Decision | undefined;
  waiter: Waiter | undefined;
  until: EpochMs;
  /** The window in which the first rule counted it, once decided. */
  window: number;
}

export type Message =
  | { readonly kind: "ask"; readonly node: Node; readonly hot: HotKey; readonly ask: Ask }
  | { readonly kind: "answer"; readonly node: Node; readonly hot: HotKey; readonly answer: Answer }
  | { readonly kind: "news"; readonly node: Node; readonly news: Announcement };

export interface Owner {
  account: Account | undefined;
  row: Uint8Array | undefined;
  skewMs: number;
}

export interface WorldOptions {
  readonly sources: number;
  readonly rules?: readonly Rule[];
  readonly sets?: number;
  /** Whether announcements are sent at all. */
  readonly announces?: boolean;
}

export class World {
  now: EpochMs = T0;
  readonly nodes: Node[] = [];
  readonly owners = new Map<string, Owner>();
  network: Message[] = [];
  /** What every owner step said, for tests that look at it. */
  lastStep: Step | undefined;
  readonly #announces: boolean;
  readonly #givenUp = new WeakSet<Flight>();

  constructor({ sources, rules = [ruleWith()], sets = 16, announces = true }: WorldOptions) {
    this.#announces = announces;
    const hashers = rules.map((rule) => new KeyHasher(SECRET, rule.version));
    for (let index = 0; index < sources; index += 1) {
      const isolate = index.toString(16).padStart(16, "0");
      const source = new Source({ isolate, pop: `P${index}`, seed: index, rules, hashers, table: { sets } });
      this.nodes.push({ index, source, skewMs: 0, hot: new Set(), waiting: new Set() });
    }
  }

  node(index: number): Node {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`no node ${index}`);
    return node;
  }

  clockOf = (node: { skewMs: number }): EpochMs => epochMs(this.now + node.skewMs);

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────

  /** A request of `client` arrives at a node, under all rules unless told. It is decided or waits; its Ask leaves. */
  request(
    at: number,
    { client = "c", cost = 1, rules }: { client?: string; cost?: number; rules?: readonly number[] } = {},
  ): Request {
    const node = this.node(at);
    const indexes = rules ?? node.source.rules.map((_, index) => index);
    const requested = indexes.map(
      (ruleIndex): RequestedRule => ({
        ruleIndex,
        key: `ip=${client}`,
        cost: (node.source.rules[ruleIndex]?.cost ?? 1) * cost,
      }),
    );
    const admission = new Admission(node.source, requested, { enforce: true, label: undefined });
    const request: Request = {
      node,
      cost,
      admission,
      decision: undefined,
      waiter: undefined,
      until: this.now,
      window: -1,
    };
    this.step(request);
    return request;
  }

  /** The request's context looks again. */
  step(request: Request): void {
    if (request.decision !== undefined) return;
    const { node, admission } = request;
    const outcome = admission.step(this.clockOf(node));
    for (const hot of admission.due.splice(0)) node.hot.add(hot);
    if (outcome.kind === "waiting") {
      node.hot.add(outcome.hot);
      node.waiting.add(request);
      request.waiter = outcome.waiter;
      request.until = outcome.until;
    } else {
      node.waiting.delete(request);
      request.decision = outcome;
      request.window = this.#windowOf(request);
    }
    this.send(node);
  }

  #windowOf({ waiter, node }: Request): number {
    if (waiter?.state === "granted") return waiter.window;
    const [slot] = node.source.table.slots();
    return slot === undefined ? -1 : node.source.window(slot);
  }

  /** Lets everything leave that is due at a node. */
  send(node: Node): void {
    for (const hot of node.hot) {
      const flight: Flight | undefined = node.source.depart(hot, this.clockOf(node));
      if (flight !== undefined) this.network.push({ kind: "ask", node, hot, ask: flight.ask });
    }
  }

  /** Time passes; Asks are given up, requests whose time is up are decided, reports leave. */
  tick(ms: number): void {
    this.now = epochMs(this.now + ms);
    for (const node of this.nodes) {
      const now = this.clockOf(node);
      for (const hot of node.hot) {
        const { flight } = hot.outbox;
        if (flight === undefined || flight.giveUpAt > now || this.#givenUp.has(flight)) continue;
        this.#givenUp.add(flight);
        node.source.timedOut(hot, flight.ask.seq, now, 0.5);
      }
      for (const request of [...node.waiting]) if (request.until <= now) this.step(request);
      this.send(node);
    }
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────

  /** Takes the oldest message of a kind off the network: it is lost unless the test delivers it. */
  take(kind: Message["kind"], to?: number): Message {
    const at = this.network.findIndex(
      (message) => message.kind === kind && (to === undefined || message.node.index === to),
    );
    const [message] = at < 0 ? [] : this.network.splice(at, 1);
    if (message === undefined) throw new Error(`no ${kind} is under way`);
    return message;
  }

  /** A message arrives. Delivered twice, it is repeated. */
  deliver(message: Message): void {
    const { node } = message;
    const now = this.clockOf(node);
    switch (message.kind) {
      case "ask":
        this.#answer(message.node, message.hot, message.ask);
        return;
      case "answer":
        node.source.answered(message.hot, message.answer, now);
        break;
      case "news": {
        const hot = node.source.hear(message.news, now, 0.5);
        if (hot !== undefined) node.hot.add(hot);
        break;
      }
    }
    for (const request of [...node.waiting]) this.step(request);
    this.send(node);
  }

  /** Delivers messages in order until none is under way. */
  settle(): void {
    for (let next = this.network.shift(); next !== undefined; next = this.network.shift()) this.deliver(next);
  }

  // ── Owners ────────────────────────────────────────────────────────────────────────────────────

  /** The only owner, or that of a rule. */
  owner(rule = this.node(0).source.rules[0]): Owner {
    for (const [name, owner] of this.owners) if (name.startsWith(rule?.version ?? "")) return owner;
    throw new Error("nobody asked for it");
  }

  /** The owner's memory is lost; the row stays. */
  kill(owner: Owner): void {
    owner.account = undefined;
  }

  /** Somebody gives a command for the only key; its account is there or is opened, under the first rule. */
  command(action: CommandAction, client = "c"): void {
    const [rule] = this.node(0).source.rules;
    const hasher = this.node(0).source.hashers[0];
    if (rule === undefined || hasher === undefined) throw new Error("there is no rule");
    hasher.tag(`ip=${client}`);
    const policy = policyOf(rule, gridOf(rule, hasher.lo));
    const command: Command = { rule: policy, key: hasher.hash(`ip=${client}`), action };
    const owner = this.owners.get(accountName(command)) ?? {
      account: undefined,
      row: undefined,
      skewMs: 0,
    };
    this.owners.set(accountName(command), owner);
    const now = this.clockOf(owner);
    owner.account ??= owner.row === undefined ? undefined : decodeRow(owner.row);
    owner.account ??= openAccount(command, now);
    const step = carryOut(owner.account, command, now);
    if (step.kind === "refused") throw new Error(step.error);
    if (step.store) owner.row = encodeRow(owner.account);
    this.#announce(step.announcement);
  }

  /** The owner's account in memory, loaded if need be. */
  account(owner = this.owner()): Account {
    owner.account ??= owner.row === undefined ? undefined : decodeRow(owner.row);
    if (owner.account === undefined) throw new Error("it has no account");
    return owner.account;
  }

  #answer(node: Node, hot: HotKey, message: Ask): void {
    const name = `${message.rule.version}.${message.key}`;
    const owner = this.owners.get(name) ?? { account: undefined, row: undefined, skewMs: 0 };
    this.owners.set(name, owner);
    const now = this.clockOf(owner);
    owner.account ??= owner.row === undefined ? undefined : decodeRow(owner.row);
    owner.account ??= openAccount(message, now);
    const step = ask(owner.account, message, now);
    this.lastStep = step;
    if (step.kind === "stale") {
      owner.account = undefined;
      return;
    }
    if (step.store) owner.row = encodeRow(owner.account);
    this.network.push({ kind: "answer", node, hot, answer: step.answer });
    this.#announce(step.announcement);
  }

  #announce(news: Announcement | undefined): void {
    if (news === undefined || !this.#announces) return;
    for (const node of this.nodes) this.network.push({ kind: "news", node, news });
  }
}
