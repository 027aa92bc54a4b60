/**
 * The slide that the idea comes from, played in the cluster with a client that nobody has seen:
 *
 *   1  requests spread over two POPs, below the threshold at each: counted locally
 *   2  the one that reaches the threshold at a POP claims the client
 *   3  from then on each POP forwards to the owner; the limit is one for all, and so is the block
 */
import type { Sent, SlideRule } from "./cluster-info.ts";

/** What the play needs of the page. */
export interface Stage {
  readonly rule: SlideRule;
  /** The POPs in their order; two at least. */
  readonly pops: readonly string[];
  /** Seconds that a client's window must last when it begins. */
  readonly seconds: number;
  /** An address that nobody has used. */
  freshAddress(): string;
  /** Shows that client on the page. */
  choose(ip: string): void;
  /** One request of the client to a POP. */
  send(pop: string, ip: string): Promise<Sent>;
  /** POPs that know the client to be claimed, and what its owner counts. */
  known(ip: string): Promise<{ readonly claimedAt: readonly string[]; readonly count: number }>;
  /** Has every POP listen: one without requests hears of no claims. */
  wake(): Promise<void>;
  say(step: 0 | 1 | 2 | 3, text: string): void;
  tally(tally: Tally): void;
  /** Time to read a caption, or to see one request. Rejects when the play is stopped. */
  pause(length: "caption" | "request"): Promise<void>;
  /** Until something may have changed, a second at most. */
  aSecond(): Promise<void>;
}

export interface Tally {
  readonly admitted: number;
  readonly limit: number;
  readonly blockedAt: readonly string[];
}

/** Addresses that are tried until one begins its window early enough. */
const ADDRESSES_MAX = 400;
/** Looks at the cluster, a second apart, until a claim has reached every POP. */
const LOOKS_MAX = 20;
/** Requests that are sent to a POP until it denies by itself. */
const TRIES_MAX = 12;

/** Plays it. Resolves to what was seen; rejects with a sentence for people. */
export async function playSlide(stage: Stage): Promise<Tally> {
  const { rule, pops } = stage;
  const [first = "", second = ""] = pops;
  const silent = rule.threshold - 1;
  let admitted = 0;
  const blockedAt: string[] = [];
  const told = (): Tally => ({ admitted, limit: rule.limit, blockedAt });
  const ask = async (ip: string, pop: string): Promise<Sent> => {
    const sent = await stage.send(pop, ip);
    // Then it was decided by what its POP alone knew, and the play would be another.
    if (sent.decisions.degraded)
      throw new Error(`the owner was not reached in time from ${pop}; is a link cut?`);
    admitted += sent.admitted;
    if (sent.decisions.blocked && !blockedAt.includes(pop)) blockedAt.push(pop);
    stage.tally(told());
    return sent;
  };

  stage.say(0, "A client that nobody has seen. Each POP counts for itself.");
  stage.tally(told());
  const atSecond = Math.min(silent, 2);
  await stage.wake();
  const { ip } = await newClient(stage, first, () => (admitted += 1));
  stage.choose(ip);
  stage.tally(told());
  const local = silent + atSecond;
  stage.say(
    1,
    `Requests 1–${local}, spread over ${first} and ${second}, reach no threshold. Each is counted where it arrives, and nobody waits.`,
  );
  await stage.pause("caption");
  for (let index = 1; index < Math.max(silent, atSecond + 1); index += 1) {
    if (index <= atSecond) await after(stage, () => ask(ip, second));
    if (index < silent) await after(stage, () => ask(ip, first));
  }
  if (silent <= atSecond) await after(stage, () => ask(ip, second));
  await stage.pause("caption");

  stage.say(
    2,
    `The ${ordinal(rule.threshold)} request to arrive at ${first} claims the client: the owner of its one count is at ${first}.`,
  );
  await stage.pause("request");
  await ask(ip, first);
  await stage.pause("caption");
  await untilAllKnow(stage, ip, local + 1);

  stage.say(
    3,
    `Later requests to any POP are forwarded to the owner. ${rule.limit} are admitted in all, wherever they arrive.`,
  );
  await stage.pause("caption");
  const around = [...pops.toReversed()];
  for (let turn = 0; admitted < rule.limit && turn < rule.limit + pops.length; turn += 1) {
    const pop = around[turn % around.length] ?? first;
    await after(stage, () => ask(ip, pop));
  }
  stage.say(
    3,
    `${admitted} are admitted. The next one is denied, and the block applies at every POP at the same moment.`,
  );
  await stage.pause("request");
  for (const pop of around) {
    for (let tries = 0; !blockedAt.includes(pop) && tries < TRIES_MAX; tries += 1)
      await after(stage, () => ask(ip, pop));
  }
  stage.say(
    3,
    `${admitted} of ${rule.limit} admitted, over ${pops.length} POPs; ${blockedAt.length} of them now deny by themselves, without asking anybody.`,
  );
  return told();
}

/** A client whose window is young enough, with its first request sent. Windows begin at another moment for each key. */
async function newClient(
  stage: Stage,
  pop: string,
  onAdmitted: () => void,
): Promise<{ readonly ip: string }> {
  for (let tried = 0; tried < ADDRESSES_MAX; tried += 1) {
    const ip = stage.freshAddress();
    const sent = await stage.send(pop, ip);
    if (sent.admitted === 0 || (sent.resetSeconds[stage.rule.rule] ?? 0) < stage.seconds) continue;
    onAdmitted();
    return { ip };
  }
  throw new Error("no client was found whose window lasts long enough; try again");
}

async function untilAllKnow(stage: Stage, ip: string, count: number): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const known = await stage.known(ip);
    if (known.count >= count && stage.pops.every((pop) => known.claimedAt.includes(pop))) return;
    await stage.wake();
    await stage.aSecond();
  }
  throw new Error("the claim has not reached every POP; is a link cut?");
}

async function after<T>(stage: Stage, act: () => Promise<T>): Promise<T> {
  const result = await act();
  await stage.pause("request");
  return result;
}

const ordinal = (number: number): string => `${number}${["th", "st", "nd", "rd"][number] ?? "th"}`;
