/**
 * A client that keeps firing at three times its limit, over many windows.
 *
 * An answer does not say in which window it was counted, but the client's clock is the owner's: a request sent
 * and answered within one window was counted in it. So the client sends at the start of a window, judges only
 * windows in which everything was answered before the end, and waits for the next. On a machine so slow that
 * a window is over first, that window is not judged and another one is tried.
 *
 * Which POP knows what does not depend on time either: each of them asks the owner, or hears that the key is
 * full, after the count has reached the threshold, and both say how long the claim lasts.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { bound, slidingBound } from "../../shared/bound.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";
import { epochMs, type WindowGrid, windowAt, windowEnd, windowStart } from "../../shared/time.ts";
import { newAddress, send } from "./client.ts";
import { gridFor, sleepUntil } from "./windows.ts";

const POPS = ["LHR", "CDG", "CHI", "TYO"];
const WINDOWS = 20;
/** More windows than that are not tried: such a machine cannot show anything. */
const TRIES = 2 * WINDOWS;
const LIMIT = 10;
const THRESHOLD = 4;
/** Requests at each POP per window: together a little over three times the limit. */
const PER_POP = 8;
const WINDOW = "1s";
/** Between the start of a window and its first request: the clock of one process may be read a little late. */
const GUARD_MS = 20;
const base = { limit: LIMIT, threshold: THRESHOLD, window: WINDOW, deadline: "10s" };
const RULES = [
  { ...base, name: "fixed", match: { path: "/fixed" }, algorithm: "fixed-window" },
  { ...base, name: "sliding", match: { path: "/sliding" }, algorithm: "sliding-window" },
];

let cluster: Cluster;
let rules: readonly Rule[];
beforeAll(async () => {
  const parsed = parseRules(RULES);
  rules = parsed.ok ? parsed.rules : [];
  cluster = await startCluster({ rules: RULES, distance: 0.1 });
});
afterAll(() => cluster.stop());

const now = () => epochMs(Date.now());

/** Waits for the first moment of window `index` that is in it by everybody's clock. */
const untilWindow = (grid: WindowGrid, index: number): Promise<void> =>
  sleepUntil(windowStart(grid, index) + GUARD_MS);

interface Shot {
  readonly admitted: boolean;
  readonly decision: string;
  readonly sentAt: number;
  readonly answeredAt: number;
}

interface Round {
  readonly window: number;
  /** The client was busy in the window before, and all of that was answered in it. */
  readonly follows: boolean;
  readonly shots: readonly Shot[];
}

/** `count` requests at every POP, one after another; the POPs at the same time. `before` comes before each. */
async function shoot(
  path: string,
  ip: string,
  count: number,
  before: (number: number) => Promise<void> = async () => undefined,
): Promise<Shot[]> {
  const shotsAt = async (pop: string): Promise<Shot[]> => {
    const shots: Shot[] = [];
    for (let number = 0; number < count; number += 1) {
      await before(number);
      const sentAt = Date.now();
      const { status, decision } = await send(cluster, pop, path, ip);
      expect([200, 429]).toContain(status);
      shots.push({ admitted: status === 200, decision, sentAt, answeredAt: Date.now() });
    }
    return shots;
  };
  return (await Promise.all(POPS.map(shotsAt))).flat();
}

/** Fires steadily, three times the limit in each of `WINDOWS` windows. */
function fire(path: string, ip: string, grid: WindowGrid): Promise<Shot[]> {
  const start = Date.now();
  const pause = grid.lengthMs / PER_POP;
  return shoot(path, ip, WINDOWS * PER_POP, (number) => sleepUntil(start + number * pause));
}

/** Fires at the start of each window until `WINDOWS − 1` of them were judged that follow another one. */
async function attack(path: string, ip: string, grid: WindowGrid): Promise<Round[]> {
  const rounds: Round[] = [];
  let last = -2;
  for (let tries = 0; rounds.filter(({ follows }) => follows).length < WINDOWS - 1; tries += 1) {
    if (tries > TRIES) throw new Error(`${PER_POP * POPS.length} requests take longer than ${WINDOW}`);
    const window = windowAt(grid, now()) + 1;
    await untilWindow(grid, window);
    const shots = await shoot(path, ip, PER_POP);
    if (shots.some(({ answeredAt }) => answeredAt >= windowEnd(grid, window))) continue;
    rounds.push({ window, follows: last === window - 1, shots });
    last = window;
  }
  return rounds;
}

const admittedIn = ({ shots }: Round): number => shots.filter(({ admitted }) => admitted).length;

/** A client whose attack is over, in the window after `quiet` ones without a request. */
async function untilQuiet(grid: WindowGrid, rounds: readonly Round[], quiet: number): Promise<void> {
  await untilWindow(grid, (rounds.at(-1)?.window ?? 0) + quiet + 1);
}

describe.concurrent(`a client at three times its limit for ${WINDOWS} windows, at four POPs`, () => {
  it("gets exactly the limit of a fixed window from the second on, none of it by credit; it lapses when it is quiet", async () => {
    const ip = newAddress();
    const grid = await gridFor(rules, "fixed", ip);
    const rounds = await attack("/fixed", ip, grid);
    for (const round of rounds) {
      expect(admittedIn(round)).toBeLessThanOrEqual(
        bound({ limit: LIMIT, threshold: THRESHOLD, sources: POPS.length }),
      );
    }
    const following = rounds.filter(({ follows }) => follows);
    expect(following.map(admittedIn)).toEqual(Array(WINDOWS - 1).fill(LIMIT));
    const byCredit = following.flatMap(({ shots }) => shots).filter(({ decision }) => decision === "credit");
    expect(byCredit).toEqual([]);

    await untilQuiet(grid, rounds, 2);
    for (const pop of POPS) expect((await send(cluster, pop, "/fixed", ip)).decision).toBe("credit");
  });

  it("never gets more of a sliding window than its published bounds", async () => {
    const ip = newAddress();
    const grid = await gridFor(rules, "sliding", ip);
    const shots = await fire("/sliding", ip, grid);
    const size = { limit: LIMIT, threshold: THRESHOLD, sources: POPS.length };
    const admitted = shots.filter((shot) => shot.admitted);
    expect(admitted.length).toBeGreaterThanOrEqual(LIMIT);
    // What was sent and answered in an interval was certainly admitted in it; the rest may have been.
    const inside = (from: number, to: number): number =>
      admitted.filter(({ sentAt, answeredAt }) => sentAt >= from && answeredAt < to).length;
    const last = windowAt(grid, now());
    for (let window = windowAt(grid, epochMs(shots[0]?.sentAt ?? 0)); window <= last; window += 1) {
      const count = inside(windowStart(grid, window), windowEnd(grid, window));
      expect(count).toBeLessThanOrEqual(bound(size));
    }
    for (const { sentAt } of admitted) {
      expect(inside(sentAt, sentAt + grid.lengthMs)).toBeLessThan(slidingBound(size));
    }
  });
});
