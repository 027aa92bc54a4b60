/** Live accuracy: what isolates saw of sampled keys, held against one exact count. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactCounter } from "../../loadtest/replay/oracle.ts";
import { decodeAudit, encodeAudit } from "../../shared/accuracy/audit-row.ts";
import { Auditor } from "../../shared/accuracy/auditor.ts";
import { Observations, type Observed, stepOf } from "../../shared/accuracy/observations.ts";
import { slackOf } from "../../shared/accuracy/replay.ts";
import { decodeReport } from "../../shared/accuracy/report.ts";
import { gridOf } from "../../shared/grid.ts";
import {
  AUDIT_KEYS_MAX,
  AUDIT_WAIT,
  OBSERVED_LIFE,
  OBSERVED_ROWS_MAX,
  OBSERVED_WINDOWS_MAX,
} from "../../shared/limits.ts";
import { policyOf } from "../../shared/policy.ts";
import type { Rule } from "../../shared/rule.ts";
import { type EpochMs, epochMs } from "../../shared/time.ts";
import { ruleWith } from "./world.ts";

/** A key whose windows begin at whole minutes: its tag's lower half is 0. */
const KEY = { ruleIndex: 0, hi: 0x01234567, lo: 0 };
const MINUTE = 60_000;
/** The first moment of a window of a minute. */
const T0 = 30_000_000 * MINUTE;
const at = (ms: number): EpochMs => epochMs(T0 + ms);
const LONG_AFTER = at(60 * MINUTE);

const fixed = (part: Partial<Rule> = {}): Rule =>
  ruleWith({ limit: 10, threshold: 4, algorithm: "fixed-window", ...part });

/** Isolates and the auditor of one rule. Everything that is seen is reported at once. */
class Site {
  readonly rule: Rule;
  auditor: Auditor;
  readonly #isolates = new Map<string, Observations>();

  /** @param since when the auditor hears of the rule for the first time */
  constructor(rule: Rule, since: EpochMs = at(-10 * MINUTE + 1)) {
    this.rule = rule;
    this.auditor = new Auditor();
    this.saw("first", 1, { at: since, hi: 1, lo: 0, outcome: "denied" });
  }

  isolate(name: string): Observations {
    const known = this.#isolates.get(name) ?? new Observations(name, [this.rule]);
    this.#isolates.set(name, known);
    return known;
  }

  /** Lets an isolate see so many requests, and report them. */
  saw(isolate: string, requests: number, part: Partial<Observed> & { at: EpochMs }): this {
    for (let request = 0; request < requests; request += 1) this.note(isolate, part);
    return this.report(isolate, part.at);
  }

  note(isolate: string, part: Partial<Observed> & { at: EpochMs }): void {
    const grid = gridOf(this.rule, part.lo ?? KEY.lo);
    const window = Math.floor((part.at - grid.offsetMs) / grid.lengthMs);
    const common = { ...KEY, window, cost: 1, outcome: "admitted" as const, byHand: false };
    this.isolate(isolate).note({ ...common, ...part });
  }

  report(isolate: string, now: EpochMs): this {
    const observations = this.isolate(isolate);
    const bytes = observations.take(0, now);
    if (bytes === undefined) return this;
    this.deliver(bytes, now);
    observations.acknowledged(0, bytes);
    return this;
  }

  deliver(bytes: Uint8Array, now: EpochMs): void {
    const report = decodeReport(bytes);
    if (!report.ok) throw new Error(report.error);
    this.auditor.take(report.value, now);
  }

  figures(now: EpochMs = LONG_AFTER) {
    const figures = this.auditor.figures(now);
    if (figures === undefined) throw new Error("no report came");
    const { rule: _, ...totals } = figures;
    return totals;
  }
}

describe("figures of a fixed window", () => {
  it("are all zero over and under when the limiter did what one exact count would", () => {
    const site = new Site(fixed());
    site.saw("a", 10, { at: at(0) }).saw("b", 5, { at: at(2_000), outcome: "denied" });
    expect(site.figures()).toEqual({ admitted: 10, over: 0, under: 0, worst: 0, bound: 3 });
  });

  it("are (k − 1)(T − 1) over where k − 1 isolates spend silently, and that is the bound", () => {
    const site = new Site(fixed());
    site.saw("a", 10, { at: at(0) });
    for (const silent of ["b", "c", "d"]) site.saw(silent, 3, { at: at(1_000) });
    expect(site.figures()).toEqual({ admitted: 19, over: 9, under: 0, worst: 9, bound: 9 });
  });

  it("are under by what was denied while credit was stranded elsewhere", () => {
    const site = new Site(fixed());
    site.saw("a", 7, { at: at(0) }).saw("b", 5, { at: at(1_000), outcome: "denied" });
    expect(site.figures()).toMatchObject({ admitted: 7, over: 0, under: 3 });
  });

  it("allow what on_failure admitted", () => {
    const site = new Site(fixed());
    site.saw("a", 10, { at: at(0) }).saw("b", 10, { at: at(0), outcome: "unowned" });
    expect(site.figures()).toEqual({ admitted: 20, over: 10, under: 0, worst: 10, bound: 13 });
  });

  it("name the window that is furthest beyond its bound before one that is further over within its own", () => {
    const site = new Site(fixed());
    site.saw("a", 10, { at: at(0) });
    for (const silent of ["b", "c", "d"]) site.saw(silent, 3, { at: at(0) });
    site.saw("a", 14, { at: at(MINUTE) });
    expect(site.figures()).toMatchObject({ worst: 4, bound: 0 });
  });

  it("count costs whole, the cheap ones of a step first", () => {
    const site = new Site(fixed());
    site.saw("a", 2, { at: at(0), cost: 4 });
    site.saw("b", 1, { at: at(100), cost: 4, outcome: "denied" });
    site.saw("b", 2, { at: at(5_000), outcome: "denied" });
    expect(site.figures()).toMatchObject({ admitted: 8, under: 2 });
  });

  it("go by the time of requests, whatever the order of reports", () => {
    const site = new Site(fixed());
    site.note("b", { at: at(0), cost: 9 });
    site.saw("a", 2, { at: at(5_000), outcome: "denied" });
    site.report("b", at(6_000));
    expect(site.figures()).toMatchObject({ admitted: 9, over: 0, under: 1 });
  });

  it("keep windows of one key apart, and keys", () => {
    const site = new Site(fixed());
    for (const window of [0, 1, 2]) site.saw("a", 12, { at: at(window * MINUTE) });
    site.saw("a", 12, { at: at(0), hi: 77 });
    expect(site.figures()).toEqual({ admitted: 48, over: 8, under: 0, worst: 2, bound: 0 });
  });
});

describe("figures of a sliding window", () => {
  const rule = fixed({ algorithm: "sliding-window" });
  const slack = 1;

  it("carry what was admitted in the window before, as the rule's meter does", () => {
    const site = new Site(rule);
    site.saw("a", 10, { at: at(0) });
    // Half of 10 have faded: 5 are free.
    site.saw("a", 9, { at: at(1.5 * MINUTE) });
    expect(site.figures()).toEqual({ admitted: 19, over: 4 - slack, under: 0, worst: 4 - slack, bound: 5 });
  });

  it("are under where the limiter did not give back what had faded", () => {
    const site = new Site(rule);
    site.saw("a", 10, { at: at(0) });
    site.saw("a", 5, { at: at(1.5 * MINUTE), outcome: "denied" });
    expect(site.figures()).toMatchObject({ over: 0, under: 5 - slack });
  });

  it("leave a window out that follows one in which something is missing", () => {
    const site = new Site(rule);
    site.saw("a", 10, { at: at(0), byHand: true });
    // It is over and judged before the client comes back.
    site.figures(at(MINUTE + 50_000));
    for (const window of [1, 2, 3]) site.saw("a", 12, { at: at(window * MINUTE + 59_000) });
    expect(site.figures()).toMatchObject({ admitted: 24 });
  });
});

describe("figures of a token bucket", () => {
  it("know the burst and what flows in", () => {
    // Ten a minute: a step of a second brings less than one.
    const site = new Site(fixed({ algorithm: "token-bucket", burst: 20 }));
    site.saw("a", 20, { at: at(0) });
    site.saw("a", 8, { at: at(30_000) });
    expect(site.figures()).toMatchObject({ admitted: 28, over: 3 - 1, under: 0 });
  });
});

describe("a penalty", () => {
  it("is no denial too many: the exact count has it, too", () => {
    const rule = fixed({ blockFor: epochMs(2 * MINUTE) as unknown as Rule["window"] });
    const site = new Site(rule);
    site.saw("a", 10, { at: at(0) }).saw("a", 1, { at: at(1_000), outcome: "denied" });
    site.saw("a", 5, { at: at(MINUTE), outcome: "denied" });
    expect(site.figures()).toMatchObject({ admitted: 10, under: 0 });
  });
});

describe("what is not whole is left out", () => {
  it("a window that was under way when the first report came", () => {
    const site = new Site(fixed(), at(1_000));
    site.saw("a", 15, { at: at(2_000) }).saw("a", 12, { at: at(MINUTE) });
    expect(site.figures()).toMatchObject({ admitted: 12, over: 2 });
  });

  it("a window that is not over, and one whose reports may still be under way", () => {
    const site = new Site(fixed());
    site.saw("a", 15, { at: at(0) });
    expect(site.figures(epochMs(T0 + MINUTE + AUDIT_WAIT - 1))).toMatchObject({ admitted: 0 });
    expect(site.figures(epochMs(T0 + MINUTE + AUDIT_WAIT))).toMatchObject({ admitted: 15, over: 5 });
  });

  it("a window of which a report comes when it has been judged, or replayed", () => {
    const site = new Site(fixed({ window: epochMs(10 * MINUTE) as unknown as Rule["window"] }));
    site.saw("a", 15, { at: at(0) });
    const late = site.isolate("b");
    site.note("b", { at: at(1_000) });
    const bytes = late.take(0, at(1_000)) as Uint8Array;
    site.deliver(bytes, at(3 * MINUTE));
    expect(site.figures()).toMatchObject({ admitted: 0 });
  });

  it("everything up to the time until which an isolate has lost something", () => {
    const site = new Site(fixed());
    site.saw("a", 15, { at: at(0) });
    site.note("b", { at: at(1_000), hi: 5 });
    const isolate = site.isolate("b");
    isolate.take(0, at(2_000));
    // It was never acknowledged; what comes after it says so.
    const lost = epochMs(at(2_000) + OBSERVED_LIFE);
    site.report("b", lost);
    site.saw("a", 12, { at: at(MINUTE) });
    expect(site.figures()).toMatchObject({ admitted: 12, over: 2 });
  });

  it("a key's window that has more rows than an isolate keeps, and no other", () => {
    const site = new Site(fixed({ window: epochMs(60 * MINUTE) as unknown as Rule["window"] }));
    site.note("a", { at: at(0), hi: 9 });
    for (let row = 0; row <= OBSERVED_ROWS_MAX; row += 1) site.note("a", { at: at(0), cost: row + 1 });
    site.report("a", at(1_000));
    expect(site.figures(at(3 * 60 * MINUTE))).toMatchObject({ admitted: 1, over: 0 });
  });

  it("everything seen when an isolate has more windows than it keeps", () => {
    const site = new Site(fixed());
    for (let key = 0; key <= OBSERVED_WINDOWS_MAX; key += 1) site.note("a", { at: at(0), hi: key });
    site.report("a", at(1_000));
    site.saw("a", 11, { at: at(MINUTE) });
    expect(site.figures()).toMatchObject({ admitted: 11, over: 1 });
  });

  it("keys beyond those that the auditor keeps, until others are over", () => {
    const site = new Site(fixed());
    for (let key = 0; key < AUDIT_KEYS_MAX + 50; key += 1) site.saw(`a${key % 8}`, 1, { at: at(0), hi: key });
    expect(site.auditor.state?.keys.size).toBe(AUDIT_KEYS_MAX);
    site.saw("a", 1, { at: at(3 * MINUTE), hi: -1 });
    site.saw("a", 11, { at: at(4 * MINUTE), hi: -2 });
    expect(site.figures().over).toBe(1);
  });

  it("a key that is left out for want of room, until a window of it begins with room", () => {
    const site = new Site(fixed());
    for (let key = 0; key < AUDIT_KEYS_MAX; key += 1) site.saw(`a${key % 8}`, 1, { at: at(0), hi: key });
    site.saw("a", 10, { at: at(MINUTE), hi: -1 });
    // The others are over, and it comes again in the same window.
    site.saw("b", 1, { at: at(MINUTE + 50_000), outcome: "denied", hi: -2 });
    site.saw("a", 5, { at: at(MINUTE + 51_000), hi: -1 });
    site.saw("a", 11, { at: at(2 * MINUTE), hi: -1 });
    expect(site.figures()).toMatchObject({ admitted: AUDIT_KEYS_MAX + 11, over: 1 });
  });

  it("keys beyond those that are kept, only until nothing of those acts any more", () => {
    const site = new Site(fixed({ algorithm: "sliding-window" }));
    for (let key = 0; key < AUDIT_KEYS_MAX; key += 1) site.saw(`a${key % 8}`, 1, { at: at(0), hi: key });
    site.figures(at(MINUTE + AUDIT_WAIT));
    // Nothing is to be replayed any more, and the keys still stand for what they were admitted.
    expect(site.auditor.state?.keys.size).toBe(AUDIT_KEYS_MAX);
    for (const time of [4 * MINUTE, 8 * MINUTE]) site.saw("a", 12, { at: at(time), hi: -1 });
    expect(site.figures()).toMatchObject({ admitted: AUDIT_KEYS_MAX + 12 });
  });
});

describe("a report", () => {
  it("that was lost leaves to the next one what it had to say of what is missing", () => {
    const site = new Site(fixed());
    for (let key = 0; key <= OBSERVED_WINDOWS_MAX; key += 1) site.note("a", { at: at(0), hi: key });
    const isolate = site.isolate("a");
    isolate.take(0, at(1_000));
    const next = isolate.take(0, epochMs(at(1_000) + OBSERVED_LIFE)) as Uint8Array;
    expect(decodeReport(next)).toMatchObject({ value: { seq: 2, lostUntil: at(MINUTE) } });
  });

  it("makes room in the isolate", () => {
    const site = new Site(fixed());
    for (const time of [0, MINUTE, 2 * MINUTE]) {
      for (let row = 0; row < OBSERVED_ROWS_MAX; row += 1) site.note("a", { at: at(time), cost: row + 1 });
      const bytes = site.isolate("a").take(0, at(time)) as Uint8Array;
      const windows = [{ complete: true, rows: expect.objectContaining({ length: OBSERVED_ROWS_MAX }) }];
      expect(decodeReport(bytes)).toMatchObject({ value: { windows } });
      site.isolate("a").acknowledged(0, bytes);
    }
  });

  it("counts once, however often it comes", () => {
    const site = new Site(fixed());
    site.note("a", { at: at(0) });
    const bytes = site.isolate("a").take(0, at(0)) as Uint8Array;
    for (let copy = 0; copy < 3; copy += 1) site.deliver(bytes, at(copy));
    expect(site.figures()).toMatchObject({ admitted: 1 });
  });

  it("is the same bytes until it is acknowledged, and what comes meanwhile goes in the next", () => {
    const site = new Site(fixed());
    const isolate = site.isolate("a");
    site.note("a", { at: at(0) });
    const first = isolate.take(0, at(0));
    site.note("a", { at: at(1) });
    expect(isolate.take(0, at(1))).toBe(first);
    isolate.acknowledged(0, first as Uint8Array);
    const second = isolate.take(0, at(2)) as Uint8Array;
    expect(decodeReport(second)).toMatchObject({ value: { seq: 2, windows: [{ rows: [[0, 1, 1, 0, 0]] }] } });
    isolate.acknowledged(0, second);
    expect([isolate.take(0, at(3)), isolate.due(at(3))]).toEqual([undefined, []]);
  });
});

describe("an auditor that starts again from what it stored", () => {
  it("has lost nothing, in the middle of a window as at its end", () => {
    const site = new Site(fixed({ algorithm: "sliding-window" }));
    const restart = () => {
      const state = site.auditor.state;
      site.auditor = new Auditor(state && decodeAudit(encodeAudit(state)));
    };
    for (const isolate of ["a", "b"]) {
      site.saw(isolate, 8, { at: at(0) });
      restart();
    }
    site.saw("a", 4, { at: at(MINUTE + 500) });
    restart();
    expect([1, 2, 3].map((seq) => site.auditor.knows({ source: "a", seq }))).toEqual([true, true, false]);
    site.figures(at(3 * MINUTE));
    restart();
    // Six over; then 4 more where the count of the window before leaves none.
    expect(site.figures()).toMatchObject({ admitted: 20, over: 5 + 3, worst: 5 });
  });
});

describe("the exact count", () => {
  it.each(["fixed-window", "sliding-window", "token-bucket"] as const)(
    "is what a naive exact counter would admit of the same requests, but for what flows back in a step: %s",
    (algorithm) => {
      const rule = fixed({ algorithm, limit: 12, burst: 12 });
      const grid = gridOf(rule, KEY.lo);
      const slack = slackOf(policyOf(rule, grid), stepOf(rule));
      const request = fc.record({ gap: fc.integer({ min: 0, max: 9_000 }) });
      fc.assert(
        fc.property(fc.array(request, { maxLength: 80 }), (requests) => {
          const site = new Site(rule);
          const oracle = exactCounter();
          const counted = { name: "r", limit: 12, algorithm, burst: 12, cost: 1, blockFor: undefined };
          const windows = new Set<number>();
          let admitted = 0;
          let now = 0;
          for (const { gap } of requests) {
            now += gap;
            windows.add(Math.floor(now / MINUTE));
            site.saw("a", 1, { at: at(now), outcome: "denied" });
            if (oracle.admits(at(now), [{ rule: counted, key: "k", grid }])) admitted += 1;
          }
          // All were denied: what is under is what the exact count admits, unless it may be a step's error.
          const { under } = site.figures(at(now + 60 * MINUTE));
          expect(under).toBeLessThanOrEqual(admitted);
          expect(under).toBeGreaterThanOrEqual(admitted - 2 * slack * windows.size);
        }),
      );
    },
  );
});
