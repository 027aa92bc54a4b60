/**
 * All kinds of clients, for minutes or for hours. Each iteration is a moment of a site's traffic:
 *
 *   regulars    ten clients above their limit at all POPs, all the time, through many windows
 *   visitors    a new client each time, below the threshold: counted where it is, then gone for good
 *   guessers    a new client now and then that tries passwords at two POPs; their owners are shared
 *   eager ones  a new client now and then that gets busy enough for an owner of its own
 */
import exec from "k6/execution";
import { Trend } from "k6/metrics";
import type { Options } from "k6/options";
import {
  addressOf,
  lasting,
  POPS,
  planned,
  popAt,
  type Run,
  send,
  setup,
  thresholds,
  vusFor,
} from "./lib.ts";
import { SOAK_LOGIN } from "./plans.ts";

export { setup };

const { threshold, bound, windows, rate, seconds } = planned("soak");
const REGULARS = 10;
/** Of a regular at each POP, one after the other. */
const SHOTS = 3;
/** In each iteration. */
const NEWCOMERS = 6;
/** One of so many newcomers is a guesser, and one is eager. */
const GUESSER_EVERY = 200;
const EAGER_EVERY = 1_000;
/** What is admitted for a guesser in a window, from two POPs. */
const GUESSER_BOUND = SOAK_LOGIN.limit + SOAK_LOGIN.threshold - 1;
/** More than two windows let through: a guesser may come at the end of one. */
const GUESSES = 2 * GUESSER_BOUND + 2;
/**
 * Nearly all answers come at once; a guesser waits for an owner on another continent, again and again, and when memory
 * is read everybody waits.
 */
const SECONDS_EACH = 5;

const admittedPerGuesser = new Trend("admitted_per_guesser");

export const options: Options = {
  discardResponseBodies: true,
  scenarios: {
    soak: {
      executor: "constant-arrival-rate",
      rate,
      duration: lasting(seconds),
      preAllocatedVUs: vusFor(rate, SECONDS_EACH),
    },
  },
  thresholds: thresholds({
    ...Object.fromEntries(
      Array.from({ length: REGULARS }, (_, client) => [
        `admitted{client:${client}}`,
        [`count<=${bound * windows}`],
      ]),
    ),
    admitted_per_guesser: [`max<=${2 * GUESSER_BOUND}`],
  }),
};

export default async function (run: Run): Promise<void> {
  const turn = exec.scenario.iterationInTest;
  const newcomers = Array.from({ length: NEWCOMERS }, (_, index) => NEWCOMERS * turn + index);
  await Promise.all([
    insist(run, turn % REGULARS),
    ...newcomers.map((newcomer) => come(addressOf(run, REGULARS + newcomer), newcomer)),
  ]);
}

/** A regular, at all POPs at once: who is above the limit fires faster than anybody else. */
async function insist(run: Run, client: number): Promise<void> {
  const address = addressOf(run, client);
  for (let shot = 1; shot <= SHOTS; shot += 1)
    await Promise.all(POPS.map((pop) => send("soak", pop, address, { client: String(client) })));
}

/** A client that was never seen before. */
function come(address: string, turn: number): Promise<void> {
  if (turn % GUESSER_EVERY === 0) return guess(address, turn);
  return turn % EAGER_EVERY === 1 ? hurry(address, turn) : visit(address, turn);
}

async function visit(address: string, turn: number): Promise<void> {
  const pop = popAt(turn);
  for (let page = 1; page < threshold; page += 1) await send("soak", pop, address);
}

async function hurry(address: string, turn: number): Promise<void> {
  const pop = popAt(turn);
  for (let page = 1; page <= threshold + 1; page += 1) await send("soak", pop, address);
}

async function guess(address: string, turn: number): Promise<void> {
  let admitted = 0;
  for (let attempt = 0; attempt < GUESSES; attempt += 1) {
    const { status } = await send("soak", popAt(turn + (attempt % 2)), address, {}, SOAK_LOGIN);
    if (status === 200) admitted += 1;
  }
  admittedPerGuesser.add(admitted);
}
