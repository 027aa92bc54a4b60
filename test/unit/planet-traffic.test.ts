/** Traffic drawn from a seed. */
import { describe, expect, test } from "vitest";
import { arrivals, LOGIN, merge, PAGE, type Stream } from "../../loadtest/planet/stream.ts";
import { planetTraffic, SHAPES, type Shape, type TrafficOptions } from "../../loadtest/planet/traffic.ts";
import { zipf } from "../../loadtest/planet/zipf.ts";
import { seededRandom } from "../../loadtest/tools/random.ts";

interface Sent {
  readonly at: number;
  readonly client: number;
  readonly place: number;
  readonly isolate: number;
  readonly path: number;
}

function drain(stream: Stream): Sent[] {
  const sent: Sent[] = [];
  while (stream.next()) {
    const { at, client, place, isolate, path } = stream;
    sent.push({ at, client, place, isolate, path });
  }
  return sent;
}

const OPTIONS: TrafficOptions = {
  seed: 7,
  places: 20,
  isolatesPerPlace: 4,
  clients: 1_000,
  requests: 50_000,
  durationMs: 60_000,
};
const { stream, parts } = planetTraffic(OPTIONS);
const all = drain(stream);
const sentBy = (shape: Shape): Sent[] => {
  const { from, to } = parts[shape].clients;
  return all.filter(({ client }) => client >= from && client < to);
};
const distinct = (values: readonly number[]): number => new Set(values).size;
const requestsByClient = (sent: readonly Sent[]): Map<number, Sent[]> => {
  const byClient = new Map<number, Sent[]>();
  for (const one of sent) byClient.set(one.client, [...(byClient.get(one.client) ?? []), one]);
  return byClient;
};

describe("all traffic", () => {
  test("is exactly as many requests as asked for, in the order of their times, within the duration", () => {
    expect(all).toHaveLength(50_000);
    expect(all.filter(({ at }, index) => at < (all[index - 1]?.at ?? 0))).toEqual([]);
    expect(all[0]?.at).toBeGreaterThanOrEqual(0);
    expect(all.at(-1)?.at).toBeLessThanOrEqual(60_000);
  });

  test("ends for good", () => {
    expect([stream.next(), stream.next()]).toEqual([false, false]);
  });

  test("is the same for the same seed, and another for another", () => {
    expect(drain(planetTraffic(OPTIONS).stream)).toEqual(all);
    expect(drain(planetTraffic({ ...OPTIONS, seed: 8 }).stream)).not.toEqual(all);
  });

  test("has the stated shares, each from clients of its own", () => {
    expect(SHAPES.map((shape) => parts[shape].requests)).toEqual([40_000, 3_000, 4_000, 1_500, 1_500]);
    expect(SHAPES.map((shape) => sentBy(shape).length)).toEqual([40_000, 3_000, 4_000, 1_500, 1_500]);
    expect(SHAPES.map((shape) => parts[shape].clients)).toEqual([
      { from: 0, to: 733 },
      { from: 733, to: 734 },
      { from: 734, to: 984 },
      { from: 984, to: 994 },
      { from: 994, to: 1_000 },
    ]);
  });

  test("uses every isolate of every place, and no other", () => {
    expect(distinct(all.map(({ place, isolate }) => place * 4 + isolate))).toBe(80);
    expect(all.filter(({ place, isolate }) => place >= 20 || isolate >= 4)).toEqual([]);
    const uneven = planetTraffic({ ...OPTIONS, places: 3, isolatesPerPlace: [1, 8, 2] });
    const used = drain(uneven.stream);
    expect(
      [0, 1, 2].map((at) => distinct(used.filter(({ place }) => place === at).map((one) => one.isolate))),
    ).toEqual([1, 8, 2]);
  });

  test.each([1, 2, 7, 100])("of %i requests works out as well", (requests) => {
    expect(drain(planetTraffic({ ...OPTIONS, requests, places: 1, clients: 5 }).stream)).toHaveLength(
      requests,
    );
  });

  test("takes other shares", () => {
    const shares = { flash: 0.5, stuffing: 0, thin: 0, moving: 0 };
    const other = planetTraffic({ ...OPTIONS, requests: 100, shares });
    expect(SHAPES.map((shape) => other.parts[shape].requests)).toEqual([50, 50, 0, 0, 0]);
    expect(drain(other.stream)).toHaveLength(100);
  });

  test.each([
    [{ clients: 4 }, "4 clients are too few for 5 shapes"],
    [{ places: 0 }, "0 places"],
    [{ isolatesPerPlace: [1] }, "isolates of 1 places, but there are 20"],
    [{ stops: [20] }, "there is no place 20 to stop at"],
    [{ stops: [] }, "moving clients have nowhere to be"],
    [{ shares: { flash: 0.9 } }, "the shares of abuse add up to more than 1"],
  ])("refuses %j", (changes, message) => {
    expect(() => planetTraffic({ ...OPTIONS, ...changes })).toThrow(new RangeError(message));
  });
});

describe("the shape", () => {
  test("crowd: each client stays at one place, few come often, one request in twenty is a log-in", () => {
    const crowd = sentBy("crowd");
    const clients = requestsByClient(crowd);
    expect([...clients.values()].filter((sent) => distinct(sent.map(({ place }) => place)) > 1)).toEqual([]);
    expect(distinct(crowd.map(({ place }) => place))).toBe(20);
    // Zipf's law over 733 ranks with exponent 0.8: Σ r^-0.8 is 14.30.
    expect((clients.get(0)?.length ?? 0) / crowd.length).toBeCloseTo(1 / 14.31, 2);
    expect((clients.get(9)?.length ?? 0) / crowd.length).toBeCloseTo(10 ** -0.8 / 14.31, 2);
    expect(crowd.filter(({ path }) => path === LOGIN).length / crowd.length).toBeCloseTo(0.05, 2);
  });

  test("flash: one client from all places within six seconds", () => {
    const flash = sentBy("flash");
    expect(distinct(flash.map(({ client }) => client))).toBe(1);
    expect(distinct(flash.map(({ place }) => place))).toBe(20);
    expect(Math.min(...flash.map(({ at }) => at))).toBeGreaterThanOrEqual(24_000);
    expect(Math.max(...flash.map(({ at }) => at))).toBeLessThanOrEqual(30_000);
  });

  test("stuffing: a few log-ins from each of many clients, briefly, at four places", () => {
    const clients = [...requestsByClient(sentBy("stuffing")).values()];
    expect(clients).toHaveLength(250);
    expect(clients.flat().filter(({ path }) => path !== LOGIN)).toEqual([]);
    expect(Math.max(...clients.map((sent) => sent.length))).toBeLessThan(60);
    expect(Math.max(...clients.map((sent) => distinct(sent.map(({ place }) => place))))).toBe(4);
    const spans = clients.map((sent) => (sent.at(-1)?.at ?? 0) - (sent[0]?.at ?? 0));
    // Thirteen at once, of 250: one client's turn is about a twentieth of the minute.
    expect(Math.max(...spans)).toBeLessThan(60_000 / 15);
  });

  test("thin: each client calls on every place, none before all others had their turn", () => {
    const clients = [...requestsByClient(sentBy("thin")).values()];
    expect(clients).toHaveLength(10);
    for (const sent of clients) {
      const places = sent.map(({ place }) => place);
      expect(distinct(places.slice(0, 20))).toBe(20);
      expect(places.slice(20)).toEqual(places.slice(0, -20));
    }
  });

  test("moving: a client is at one place for five seconds, then at another", () => {
    const clients = requestsByClient(sentBy("moving"));
    expect(clients.size).toBe(6);
    for (const sent of clients.values()) {
      const stays = Array.from({ length: 12 }, (_, turn) =>
        sent.filter(({ at }) => Math.floor(at / 5_000) === turn).map(({ place }) => place),
      );
      expect(stays.map(distinct)).toEqual(Array(12).fill(1));
      expect(stays.filter(([place], turn) => place === stays[turn - 1]?.[0])).toEqual([]);
      expect(distinct(stays.flat())).toBe(8);
    }
  });

  test("moving: goes round the stops it is given", () => {
    const traffic = planetTraffic({ ...OPTIONS, stops: [19, 3] });
    const { from } = traffic.parts.moving.clients;
    const places = drain(traffic.stream).filter(({ client }) => client === from);
    expect(places.filter(({ at, place }) => place !== [19, 3][Math.floor(at / 5_000) % 2])).toEqual([]);
    expect(distinct(places.map(({ place }) => place))).toBe(2);
  });
});

describe("arrivals", () => {
  const options = { requests: 10_000, from: 1_000, to: 11_000, isolates: [1], random: seededRandom(3) };

  test("are spread evenly over their time, and as irregular as a Poisson process", () => {
    const times = drain(arrivals(options, () => {})).map(({ at }) => at);
    const perSecond = Array.from(
      { length: 10 },
      (_, second) => times.filter((at) => at >= 1_000 * (second + 1) && at < 1_000 * (second + 2)).length,
    );
    expect(perSecond.reduce((sum, count) => sum + count)).toBe(10_000);
    // 1,000 each, with a standard deviation of 30.
    for (const count of perSecond) expect(Math.abs(count - 1_000)).toBeLessThan(120);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    // An exponential gap of mean 1 ms is longer than that with probability 1/e.
    expect(gaps.filter((gap) => gap > 1).length / gaps.length).toBeCloseTo(1 / Math.E, 1);
  });

  test("merge in order; at the same time the earlier stream's first", () => {
    const at = (client: number, ...times: number[]): Stream => {
      const one = { at: 0, client, place: 0, isolate: 0, path: PAGE as typeof PAGE, next: () => true };
      one.next = () => {
        one.at = times.shift() ?? Number.NaN;
        return !Number.isNaN(one.at);
      };
      return one;
    };
    const merged = drain(merge([at(0, 2, 5, 5), at(1), at(2, 1, 5, 9)]));
    expect(merged.map((sent) => [sent.at, sent.client])).toEqual([
      [1, 2],
      [2, 0],
      [5, 0],
      [5, 0],
      [5, 2],
      [9, 2],
    ]);
    expect(merge([]).next()).toBe(false);
  });
});

describe("Zipf's law", () => {
  test.each([
    [1, 1],
    [2, 0],
    [50, 0.8],
    [50, 1.3],
  ])("over %i ranks with exponent %d has the right frequencies", (count, exponent) => {
    const draw = zipf(count, exponent, seededRandom(5));
    const seen = Array<number>(count).fill(0);
    for (let drawn = 0; drawn < 100_000; drawn++) {
      const rank = draw();
      seen[rank] = (seen[rank] ?? Number.NaN) + 1;
    }
    const weights = seen.map((_, rank) => (rank + 1) ** -exponent);
    const sum = weights.reduce((total, weight) => total + weight);
    for (const [rank, weight] of weights.entries()) {
      expect((seen[rank] ?? 0) / 100_000).toBeCloseTo(weight / sum, 2);
    }
  });
});
