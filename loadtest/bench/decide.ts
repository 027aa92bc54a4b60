/**
 * Nanoseconds per decision in this process: ours as `worker/limiter.ts` makes it, and what others count with in
 * memory. The same clients for all, in the same order; nobody is near a limit, so that no request waits.
 *
 * The others keep texts: V8 remembers the hash of a text that it has seen before, which a request's fresh text
 * has not. That is in favour of express-rate-limit and of the Map.
 */
import { MemoryStore, type Options } from "express-rate-limit";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { ClientAddress } from "../../shared/address.ts";
import { KeyHasher } from "../../shared/key.ts";
import { compileMatcher } from "../../shared/match.ts";
import { ByCredit } from "../../shared/pop/by-credit.ts";
import { Admission, type Decision } from "../../shared/pop/decide.ts";
import { Source } from "../../shared/pop/source.ts";
import { Counting, Requested } from "../../shared/requested.ts";
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { RuleSet } from "../../shared/rule-set.ts";
import { epochMs } from "../../shared/time.ts";
import type { Traits } from "../../shared/traits.ts";
import { seededRandom, shuffled } from "../tools/random.ts";
import { type Claim, type ClaimResult, type Interleaved, interleave, type Variant } from "./interleave.ts";

/** Clients, and how often each of them comes in one run. */
export const CLIENTS = 10_000;
const PASSES = 5;
/** Every so manieth client has an IPv6 address. */
export const IPV6_EVERY = 5;
/** Runs before the first round, until everything that can be is compiled. */
const WARM_UPS = 4;

/** So high that credit decides every request. */
const LIMIT = 10_000_000;
const WINDOW_S = 86_400;

const SECRET = new Uint32Array([1, 2, 3, 4, 5, 6, 7, 8]);
const OPTIONS = { enforce: true, label: undefined } as const;

/** What a project promises of a figure. */
export interface Goal {
  readonly text: string;
  readonly actual: number;
  readonly met: boolean;
}

export interface DecideFigures extends Interleaved {
  readonly clients: number;
  readonly ipv6Every: number;
  readonly decisionsPerRun: number;
  readonly goals: readonly Goal[];
}

/** The address of client `index`, another for each index below 2³². */
export function addressOf(index: number, ipv6 = index % IPV6_EVERY === IPV6_EVERY - 1): string {
  // An odd factor permutes the 32-bit numbers.
  const bits = Math.imul(index + 1, 0x9e3779b1) >>> 0;
  const [high, low] = [bits >>> 16, bits & 0xffff];
  if (!ipv6) return flat(`${high >>> 8}.${high & 0xff}.${low >>> 8}.${low & 0xff}`);
  const host = Math.imul(bits, 0x85ebca6b) >>> 0;
  return flat(
    `2001:db8:${high.toString(16)}:${low.toString(16)}:5c1e:${(host >>> 16).toString(16)}:${(host & 0xffff).toString(16)}:1`,
  );
}

/** One string instead of a tree of its parts, as a header's text is: reading it character by character is another thing. */
const flat = (text: string): string => Buffer.from(text, "latin1").toString("latin1");

export interface Ours {
  readonly source: Source;
  readonly rules: readonly Rule[];
  readonly decide: (address: string) => Decision | undefined;
}

/** Our source and rules, and the decision on a request of `address`. */
export function ours(): Ours {
  const parsed = parseRules([{ name: "bench", limit: LIMIT, threshold: LIMIT, window: `${WINDOW_S}s` }]);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join("; "));
  const { rules } = parsed;
  const source = new Source({
    isolate: "0123456789abcdef",
    seed: 0x51ed270b,
    pop: "LHR",
    rules,
    hashers: rules.map((rule) => new KeyHasher(SECRET, rule.version)),
  });
  return { source, rules, decide: decider(source, rules) };
}

/** What a request's head is to the limiter; its address is set for each. */
class Head implements Traits {
  readonly method = "GET";
  readonly hostname = "example.com";
  readonly pathname = "/";
  client: string | null = null;
  readonly country = undefined;
  readonly asn = undefined;
  readonly header = (): undefined => undefined;
  readonly cookie = (): readonly string[] => [];
  readonly query = (): readonly string[] => [];

  of(address: string): this {
    this.client = address;
    return this;
  }
}

const requestedUnder = (rules: readonly Rule[]): Requested =>
  new Requested(rules.map((rule) => new Counting(rule)));

/** What `Limiter.decide` does, by and large, between a request's header and its decision. */
function decider(source: Source, rules: readonly Rule[]): (address: string) => Decision | undefined {
  const match = compileMatcher(rules);
  const byCredit = new ByCredit(source);
  const requested = requestedUnder(rules);
  const head = new Head();
  return (text) => {
    requested.read(head.of(text), 1);
    return byCredit.decide(match(head, requested.client), requested, epochMs(Date.now()));
  };
}

/** Others, each as one call that counts a request of `address`. Their timers keep no process alive. */
export const OTHERS: Readonly<Record<string, () => (address: string) => unknown>> = {
  "rate-limiter-flexible": () => {
    const limiter = new RateLimiterMemory({ points: LIMIT, duration: WINDOW_S });
    return (address) => limiter.consume(address);
  },
  "express-rate-limit": () => {
    const store = new MemoryStore();
    // It reads nothing else of its options.
    store.init({ windowMs: WINDOW_S * 1000 } as Options);
    return (address) => store.increment(address);
  },
  "bare Map": () => {
    const counts = new Map<string, number>();
    return (address) => {
      counts.set(address, (counts.get(address) ?? 0) + 1);
    };
  },
};

const isByCredit = (decision: Decision | undefined): boolean =>
  decision?.admitted === true && decision.how === "credit";

/**
 * Calls `decide` for every client in order, `PASSES` times over. Each variant has texts of its own: one that is used as
 * the name of a property becomes another kind of string, whose characters are slow to read.
 */
function variant(name: string, clients: readonly string[], decide: (address: string) => unknown): Variant {
  const addresses = clients.map(flat);
  const run = (): void => {
    for (let pass = 0; pass < PASSES; pass++)
      for (let from = 0; from < addresses.length; from += BLOCK) callEach(addresses, from, decide);
  };
  return { name, operations: PASSES * addresses.length, run };
}

/**
 * A loop that is called often, with many functions: it is compiled as it is, and what it calls by itself, as in a
 * Worker. A loop that is one variant's would be compiled anew, around what it calls, in the midst of each run.
 */
function callEach(addresses: readonly string[], from: number, decide: (address: string) => unknown): void {
  const to = Math.min(addresses.length, from + BLOCK);
  for (let at = from; at < to; at++) decide(addresses[at] as string);
}

/** Clients in one call of that. */
const BLOCK = 100;

/** The same with an `await` for each, as those who return promises are called. */
function awaited(name: string, clients: readonly string[], decide: (address: string) => unknown): Variant {
  const addresses = clients.map(flat);
  const run = async (): Promise<void> => {
    for (let pass = 0; pass < PASSES; pass++) for (const address of addresses) await decide(address);
  };
  return { name, operations: PASSES * addresses.length, run };
}

const NEW = ", new clients";

/** Each request from a client that never came before: its addresses are made outside of the time taken. */
function newClients(name: string, decide: (address: string) => unknown): Variant {
  let next = 0;
  let addresses: readonly string[] = [];
  const prepare = (): void => {
    addresses = Array.from({ length: CLIENTS }, (_, index) => addressOf(next + index));
    next += CLIENTS;
  };
  const run = PROMISING.has(name)
    ? async (): Promise<void> => {
        for (const address of addresses) await decide(address);
      }
    : (): void => {
        for (let from = 0; from < addresses.length; from += BLOCK) callEach(addresses, from, decide);
      };
  return { name: name + NEW, operations: CLIENTS, prepare, run };
}

/** Those that answer with a promise. */
const PROMISING: ReadonlySet<string> = new Set(["rate-limiter-flexible", "express-rate-limit"]);

/** What a request costs that is not for `ByCredit`, such as a blocked one, before what that means for it. */
function longWay(source: Source, addresses: readonly string[]): Variant {
  const requests = addresses.map((address) => [
    { ruleIndex: 0, key: new ClientAddress().read(address), cost: 1 },
  ]);
  const now = epochMs(Date.now());
  const run = (): void => {
    for (let pass = 0; pass < PASSES; pass++) {
      for (const requested of requests) new Admission(source, requested, OPTIONS).step(now);
    }
  };
  return { name: "ours, the long way", operations: PASSES * requests.length, run };
}

/** `decide` alone: the rules are matched and the clock is read. */
function decideAlone({ source, rules }: Ours): (address: string) => Decision | undefined {
  const byCredit = new ByCredit(source);
  const set = RuleSet.none(rules).and(0);
  const requested = requestedUnder(rules);
  const head = new Head();
  const now = epochMs(Date.now());
  return (text) => byCredit.decide(set, requested.read(head.of(text), 1), now);
}

const checked =
  (decide: (address: string) => Decision | undefined) =>
  (address: string): true => {
    if (isByCredit(decide(address))) return true;
    throw new Error(`${address} was not admitted by credit`);
  };

/**
 * Clients that come again and again. The others have a state each; ours is one for all of its variants, as an isolate
 * has one table: several would push one another out of the processor's caches.
 */
export function decideVariants(): readonly Variant[] {
  const own = ours();
  const indices = Array.from({ length: CLIENTS }, (_, index) => index);
  const clients = shuffled(indices, seededRandom(1));
  const mixed = clients.map((index) => addressOf(index));
  const only = (ipv6: boolean): readonly string[] => clients.map((index) => addressOf(index, ipv6));
  return [
    variant("ours", mixed, checked(own.decide)),
    variant("ours, decide", mixed, checked(decideAlone(own))),
    variant("ours, decide, IPv4 only", only(false), checked(decideAlone(own))),
    variant("ours, decide, IPv6 only", only(true), checked(decideAlone(own))),
    longWay(own.source, mixed),
    ...Object.entries(OTHERS).map(([name, make]) =>
      (PROMISING.has(name) ? awaited : variant)(name, mixed, make()),
    ),
  ];
}

/** Clients of whom each comes once. */
export const newVariants = (): readonly Variant[] => [
  newClients("ours", checked(ours().decide)),
  ...Object.entries(OTHERS).map(([name, make]) => newClients(name, make())),
];

const CLAIMS: readonly Claim[] = [
  { faster: "ours", slower: "rate-limiter-flexible" },
  { faster: "ours", slower: "express-rate-limit" },
  { faster: "bare Map", slower: "ours" },
];

const NEW_CLAIMS: readonly Claim[] = [
  { faster: `ours${NEW}`, slower: `rate-limiter-flexible${NEW}` },
  { faster: `ours${NEW}`, slower: `express-rate-limit${NEW}` },
  { faster: `bare Map${NEW}`, slower: `ours${NEW}` },
];

/** How many times faster than the other it should be. */
const FASTER_GOAL = 10;
const DECIDE_GOAL_NS = 150;

/** @param progress told what share is done, from 0 to 1 */
export async function benchDecide(rounds: number, progress: (share: number) => void): Promise<DecideFigures> {
  const options = { rounds, warmUps: WARM_UPS };
  const returning = await interleave(decideVariants(), CLAIMS, {
    ...options,
    progress: (share) => progress(share / 2),
  });
  const fresh = await interleave(newVariants(), NEW_CLAIMS, {
    ...options,
    progress: (share) => progress((1 + share) / 2),
  });
  const measured = {
    ...returning,
    figures: [...returning.figures, ...fresh.figures],
    claims: [...returning.claims, ...fresh.claims],
  };
  const decided = measured.figures.find(({ name }) => name === "ours, decide")?.median ?? Number.NaN;
  const fasterThan = ({ faster, slower, ratio, beyondNoise }: ClaimResult): Goal => ({
    text: `${faster}: at least ${FASTER_GOAL} times faster than ${slower}`,
    actual: ratio,
    met: ratio >= FASTER_GOAL && beyondNoise,
  });
  return {
    clients: CLIENTS,
    ipv6Every: IPV6_EVERY,
    decisionsPerRun: PASSES * CLIENTS,
    ...measured,
    goals: [
      {
        text: `\`decide\` takes at most ${DECIDE_GOAL_NS} ns`,
        actual: decided,
        met: decided <= DECIDE_GOAL_NS,
      },
      ...measured.claims.filter(({ slower }) => slower.startsWith("rate-limiter-flexible")).map(fasterThan),
    ],
  };
}
