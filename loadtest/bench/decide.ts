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
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { epochMs } from "../../shared/time.ts";
import { seededRandom, shuffled } from "../tools/random.ts";
import { type Claim, type Interleaved, interleave, type Variant } from "./interleave.ts";

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

/** Our source and rules, and the decision on a request of `address`. */
export function ours(): {
  readonly source: Source;
  readonly decide: (address: string) => Decision | undefined;
} {
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
  return { source, decide: decider(source, rules) };
}

/** What `Limiter.decide` does between a request's header and its decision. */
function decider(source: Source, rules: readonly Rule[]): (address: string) => Decision | undefined {
  const match = compileMatcher(rules);
  const byCredit = new ByCredit(source);
  const address = new ClientAddress();
  return (text) => byCredit.decide(match("GET", "/"), address.read(text), 1, epochMs(Date.now()));
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

/** Calls `count` for every client in order, `PASSES` times over. */
function variant(name: string, addresses: readonly string[], decide: (address: string) => unknown): Variant {
  const run = (): void => {
    for (let pass = 0; pass < PASSES; pass++) for (const address of addresses) decide(address);
  };
  return { name, operations: PASSES * addresses.length, run };
}

/** The same with an `await` for each, as their users and our Worker call it. */
function awaited(name: string, addresses: readonly string[], decide: (address: string) => unknown): Variant {
  const run = async (): Promise<void> => {
    for (let pass = 0; pass < PASSES; pass++) for (const address of addresses) await decide(address);
  };
  return { name, operations: PASSES * addresses.length, run };
}

/** An admission is for one request: building it belongs to the decision, and is left out only to see its part. */
function parts(addresses: readonly string[]): readonly Variant[] {
  const { source } = ours();
  const requests = addresses.map((address) => [{ ruleIndex: 0, key: new ClientAddress().read(address) }]);
  const now = epochMs(Date.now());
  let built: readonly Admission[] = [];
  const admission: Variant = {
    name: "ours, Admission",
    operations: PASSES * requests.length,
    run: () => {
      for (let pass = 0; pass < PASSES; pass++) {
        for (const requested of requests) new Admission(source, requested, 1, OPTIONS).step(now);
      }
    },
  };
  const step: Variant = {
    name: "ours, Admission.step",
    operations: requests.length,
    prepare: () => {
      built = requests.map((requested) => new Admission(source, requested, 1, OPTIONS));
    },
    run: () => {
      for (const each of built) each.step(now);
    },
  };
  return [admission, step];
}

/** Everything that is measured, each with a state of its own. */
export function decideVariants(): readonly Variant[] {
  const indices = Array.from({ length: CLIENTS }, (_, index) => index);
  const clients = shuffled(indices, seededRandom(1));
  const mixed = clients.map((index) => addressOf(index));
  const whole = (): ((address: string) => boolean) => {
    const { decide } = ours();
    return (address) => {
      if (isByCredit(decide(address))) return true;
      throw new Error(`${address} was not admitted by credit`);
    };
  };
  const wholeAwaited = whole();
  return [
    variant("ours", mixed, whole()),
    awaited("ours, awaited", mixed, async (address) => wholeAwaited(address)),
    variant(
      "ours, IPv4 only",
      clients.map((index) => addressOf(index, false)),
      whole(),
    ),
    variant(
      "ours, IPv6 only",
      clients.map((index) => addressOf(index, true)),
      whole(),
    ),
    ...parts(mixed),
    ...Object.entries(OTHERS).map(([name, make]) =>
      (name === "bare Map" ? variant : awaited)(name, mixed, make()),
    ),
  ];
}

const CLAIMS: readonly Claim[] = [
  { faster: "ours", slower: "rate-limiter-flexible" },
  { faster: "ours, awaited", slower: "rate-limiter-flexible" },
  { faster: "ours", slower: "express-rate-limit" },
  { faster: "ours, awaited", slower: "express-rate-limit" },
  { faster: "bare Map", slower: "ours" },
];

/** @param progress told what share is done, from 0 to 1 */
export async function benchDecide(rounds: number, progress: (share: number) => void): Promise<DecideFigures> {
  const measured = await interleave(decideVariants(), CLAIMS, { rounds, warmUps: WARM_UPS, progress });
  const decided = measured.figures[0]?.median ?? Number.NaN;
  const faster = measured.claims[0]?.ratio ?? Number.NaN;
  return {
    clients: CLIENTS,
    ipv6Every: IPV6_EVERY,
    decisionsPerRun: PASSES * CLIENTS,
    ...measured,
    goals: [
      { text: "a decision takes at most 150 ns", actual: decided, met: decided <= 150 },
      {
        text: "at least 10 times faster than rate-limiter-flexible",
        actual: faster,
        met: faster >= 10 && measured.claims[0]?.beyondNoise === true,
      },
    ],
  };
}
