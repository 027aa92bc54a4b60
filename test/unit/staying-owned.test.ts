/** A key that is busy stays claimed over the end of its window; one that goes quiet does not. */
import { describe, expect, it } from "vitest";
import { bound, slidingBound } from "../../shared/bound.ts";
import { expiresAt } from "../../shared/owner/account.ts";
import { durationMs, windowAt, windowEnd } from "../../shared/time.ts";
import { MINUTE, type Request, ruleWith, T0, World } from "./world.ts";

const SOURCES = 4;
const WINDOWS = 20;
const LIMIT = 10;
const THRESHOLD = 4;
const START = windowAt({ lengthMs: MINUTE, offsetMs: 0 as never }, T0);

/** A client at three times its limit, spread evenly over all sources and windows; all announcements are heard. */
function attack(world: World, windows: number, perWindow = 3 * LIMIT): Request[] {
  const requests: Request[] = [];
  for (let number = 0; number < windows * perWindow; number += 1) {
    requests.push(world.request(number % SOURCES));
    world.settle();
    world.tick(MINUTE / perWindow);
    world.settle();
  }
  return requests;
}

function admittedByWindow(requests: readonly Request[]): number[] {
  const counts: number[] = [];
  for (const { decision, window } of requests) {
    if (decision?.admitted === true) counts[window - START] = (counts[window - START] ?? 0) + 1;
  }
  return counts;
}

describe("a client at three times its limit for 20 windows, at four POPs", () => {
  it("gets exactly the limit of a fixed window in every window but the first: no free credit at a rollover", () => {
    const world = new World({ sources: SOURCES });
    const requests = attack(world, WINDOWS);
    const [first, ...rest] = admittedByWindow(requests);
    expect(first).toBeLessThanOrEqual(bound({ limit: LIMIT, threshold: THRESHOLD, sources: SOURCES }));
    expect(rest).toEqual(Array(WINDOWS - 1).fill(LIMIT));
    const later = requests.filter(({ window }) => window > START);
    expect(later.some(({ decision }) => decision?.admitted && decision.how === "credit")).toBe(false);
  });

  it("gets no free credit from a sliding window by firing only at the start of each window, while it is still full", () => {
    const world = new World({ sources: SOURCES, rules: [ruleWith({ algorithm: "sliding-window" })] });
    const requests: Request[] = [];
    for (let window = 0; window < WINDOWS; window += 1) {
      for (let number = 0; number < 3 * LIMIT; number += 1) {
        requests.push(world.request(number % SOURCES));
        world.settle();
      }
      world.tick(100);
      world.settle();
      world.tick(MINUTE - 100);
    }
    const later = requests.filter(({ window }) => window > START);
    expect(later.filter(({ decision }) => decision?.admitted && decision.how === "credit")).toEqual([]);
  });

  it("gets no free credit however many owners die", () => {
    const world = new World({ sources: SOURCES });
    const requests: Request[] = [];
    for (let window = 0; window < WINDOWS; window += 1) {
      requests.push(...attack(world, 1));
      world.kill(world.owner());
    }
    expect(admittedByWindow(requests).slice(1)).toEqual(Array(WINDOWS - 1).fill(LIMIT));
  });

  it("never gets more of a sliding window than its published bounds", () => {
    const world = new World({ sources: SOURCES, rules: [ruleWith({ algorithm: "sliding-window" })] });
    const times: number[] = [];
    for (let number = 0; number < WINDOWS * 3 * LIMIT; number += 1) {
      const request = world.request(number % SOURCES);
      world.settle();
      if (request.decision?.admitted === true) {
        times.push(world.now);
        if (world.now >= T0 + MINUTE) expect(request.decision.how).toBe("owner");
      }
      world.tick(MINUTE / (3 * LIMIT));
      world.settle();
    }
    const published = slidingBound({ limit: LIMIT, threshold: THRESHOLD, sources: SOURCES });
    for (const from of times) {
      const inside = times.filter((time) => time >= from && time < from + MINUTE).length;
      // From the second window on nobody has silent credit: what is left of the bound is the estimate's part.
      expect(inside).toBeLessThan(from < T0 + MINUTE ? published : 2 * LIMIT);
    }
  });
});

describe("a claim", () => {
  /** A busy window, heard by everyone; then the time is in the window after `quiet` ones without a request. */
  function busyThenQuiet(quiet: number, requests = 3 * LIMIT): World {
    const world = new World({ sources: SOURCES });
    for (let number = 0; number < requests; number += 1) {
      world.request(number % SOURCES);
      world.settle();
    }
    // The reports of those who heard of the claim leave at once, not after the quiet.
    world.tick(100);
    world.settle();
    world.tick((quiet + 1) * MINUTE - 100);
    world.settle();
    return world;
  }
  const howAt = (world: World, node: number): string | undefined => {
    const request = world.request(node);
    world.settle();
    return request.decision?.how;
  };

  it("of a busy window is announced to the end of the next one, as soon as the threshold is reached", () => {
    const world = new World({ sources: 1 });
    const ends: (number | undefined)[] = [];
    for (let number = 1; number <= THRESHOLD + 1; number += 1) {
      world.request(0);
      while (world.network.length > 0) {
        const message = world.network[0];
        if (message?.kind === "news") ends.push(message.news.claimedUntil);
        world.deliver(world.take(message?.kind ?? "ask"));
      }
    }
    const { grid } = world.account().policy;
    expect(ends).toEqual([windowEnd(grid, START + 1)]);
  });

  it("binds a source that heard of it but never saw the client before", () => {
    const world = new World({ sources: SOURCES });
    for (let number = 0; number < THRESHOLD; number += 1) {
      world.request(0);
      world.settle();
    }
    world.tick(MINUTE);
    expect([1, 2, 3].map((node) => howAt(world, node))).toEqual(["owner", "owner", "owner"]);
  });

  it("holds in the window after a busy one, and lapses after a quiet window", () => {
    expect(howAt(busyThenQuiet(0), 1)).toBe("owner");
    expect(howAt(busyThenQuiet(1), 1)).toBe("credit");
    expect(howAt(busyThenQuiet(2), 1)).toBe("credit");
  });

  it("lapses after a window with some requests, but fewer than the threshold", () => {
    const world = busyThenQuiet(0);
    for (let number = 1; number < THRESHOLD; number += 1) expect(howAt(world, number)).toBe("owner");
    world.tick(MINUTE);
    world.settle();
    expect(howAt(world, 0)).toBe("credit");
  });

  it("of a window that was not busy ends with it", () => {
    const world = new World({ sources: SOURCES, rules: [ruleWith({ threshold: THRESHOLD })] });
    for (let number = 1; number < THRESHOLD; number += 1) world.request(0);
    expect(world.owners.size).toBe(0);
    const [rule] = world.node(0).source.rules;
    const rare = new World({ sources: 2, rules: [{ ...ruleWith(rule), threshold: 1, limit: 1 }] });
    rare.request(0);
    rare.settle();
    // With a threshold of 1 every window in which anybody asks is busy: one unit is enough.
    expect(rare.account().claimedUntil).toBe(windowEnd(rare.account().policy.grid, START + 1));
  });

  it("is announced anew by an owner that died, still to the end of the next window", () => {
    const world = new World({ sources: SOURCES });
    for (let number = 0; number < THRESHOLD; number += 1) {
      world.request(0);
      // Nobody hears that the window is busy: the owner dies before its news goes out.
      while (world.network.some(({ kind }) => kind !== "news")) {
        world.deliver(world.take(world.network.find(({ kind }) => kind !== "news")?.kind ?? "ask"));
      }
    }
    world.network = [];
    world.kill(world.owner());
    expect(howAt(world, 0)).toBe("owner");
    world.tick(MINUTE);
    expect([0, 1, 2, 3].map((node) => howAt(world, node))).toEqual(["owner", "owner", "owner", "owner"]);
  });
});

describe("the row", () => {
  /** Deletes what the owner would have deleted by now. */
  function sweep(world: World): void {
    const owner = world.owner();
    if (expiresAt(world.account(owner)) > world.now) throw new Error("it is not time yet");
    owner.account = undefined;
    owner.row = undefined;
  }

  it.each([
    ["a busy key", ruleWith()],
    ["a penalty", ruleWith({ blockFor: durationMs(5.5 * MINUTE) })],
  ])(
    "of %s outlives every source's memory of its epoch, or the next claim would be old news",
    (_what, rule) => {
      const world = new World({ sources: 3, rules: [rule] });
      /** Node 2 is new to the client: it has heard of nothing. */
      const settleWithout2 = () => {
        while (world.network.length > 0) {
          world.network = world.network.filter(({ kind, node }) => kind !== "news" || node.index !== 2);
          const message = world.network.shift();
          if (message !== undefined) world.deliver(message);
        }
      };
      for (let number = 0; number < 3 * LIMIT; number += 1) {
        // An owner that dies has a higher epoch than a fresh account would start with.
        if (number === LIMIT) world.kill(world.owner());
        world.request(number % 2);
        settleWithout2();
      }
      world.tick(100);
      settleWithout2();
      world.tick(expiresAt(world.account()) - world.now);
      sweep(world);
      for (let number = 0; number < THRESHOLD; number += 1) {
        world.request(2);
        world.settle();
      }
      const request = world.request(1);
      const steps: unknown[] = [];
      while (world.network.length > 0) {
        world.deliver(world.network.shift() ?? world.take("ask"));
        steps.push(world.lastStep?.kind);
      }
      expect(steps).not.toContain("stale");
      expect(request.decision?.how).toBe("owner");
    },
  );
});
