/** Isolates that report and a hub that restarts, over a link that loses and repeats: every count arrives, and once. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Reports } from "../../shared/hub/reports.ts";
import {
  KEYS_KEPT_MAX,
  KEYS_REPORTED_MAX,
  KEYS_SHOWN_FOR,
  REPORT_BUSY,
  REPORT_DECIDED,
  REPORT_IDLE_MAX,
  REPORT_PAUSE_MAX,
  REPORT_PAUSE_MIN,
  REPORT_PAUSE_WATCHED,
  REPORTER_KEPT,
  REPORTERS_MAX,
  REPORTING_MAX,
} from "../../shared/limits.ts";
import { type Decision, refusal } from "../../shared/pop/decide.ts";
import {
  decodeReceipt,
  decodeReport,
  encodeReceipt,
  encodeReport,
  type Report,
  type ReportedKey,
} from "../../shared/telemetry/report.ts";
import { Reporting } from "../../shared/telemetry/reporting.ts";
import { Tally } from "../../shared/telemetry/tally.ts";
import { type EpochMs, epochMs } from "../../shared/time.ts";
import { ruleWith, T0 } from "./world.ts";

const rules = [ruleWith({ name: "a" }), ruleWith({ name: "b", limit: 7 })];
const decision = (index: number): Decision => refusal(rules[index] as (typeof rules)[number]);
const at = (ms: number): EpochMs => epochMs(T0 + ms);

const situation = () => ({
  pop: "LHR",
  watchAgeMs: 0,
  entries: 0,
  capacity: 8,
  replacements: 0,
  keys: [],
});

/** Says that one request was under no rule. */
const emptyReport = (source: string): Report => ({
  source,
  seq: 1,
  ...situation(),
  rules: [],
  unlimited: 1,
  faults: 0,
  heard: 0,
  busy: 0,
  asks: Array<number>(10).fill(0),
  askMs: 0,
});

const keyOf = (used: number): ReportedKey => ({
  rule: "0".repeat(16),
  tag: used.toString(16).padStart(16, "0"),
  hash: null,
  label: null,
  window: 1,
  used,
  claimed: false,
  blockedUntil: null,
  blockedSince: null,
});

/** An isolate, and how a run of it is gone through. */
function isolateOf(name: string) {
  const tally = new Tally(rules);
  const reporting = new Reporting(tally, name, situation);
  return { tally, reporting };
}

/** A hub as its shell has it: what is stored survives, what is not does not. */
class Hub {
  #reports = new Reports();
  readonly #rows = new Map<string, { readonly at: EpochMs; readonly frame: Uint8Array }>();
  #base: Uint8Array | undefined;

  report(frame: Uint8Array, now: EpochMs) {
    const read = decodeReport(frame);
    if (!read.ok) throw new Error(read.error);
    const report = read.value;
    if (this.#reports.take(report, now)) {
      this.#rows.set(report.source, { at: now, frame: encodeReport(report) });
      const { gone, base } = this.#reports.tidy(now);
      for (const source of gone) this.#rows.delete(source);
      if (base) this.#base = this.#reports.encodeBase();
    }
    return this.#reports.receiptOf(report);
  }

  restart(now: EpochMs): void {
    this.#reports = new Reports();
    const stored = [...this.#rows.values()].map(({ at: seenAt, frame }) => {
      const read = decodeReport(frame);
      if (!read.ok) throw new Error(read.error);
      return { report: read.value, seenAt };
    });
    this.#reports.restore(stored, this.#base, now);
  }

  isolates(now: EpochMs): number {
    return this.#reports.metrics(now).pops.reduce((all, { isolates }) => all + isolates, 0);
  }

  metrics(now: EpochMs) {
    return this.#reports.metrics(now);
  }

  /** Requests counted in all, by rule, and those under none. */
  totals(now: EpochMs): Record<string, number> {
    const { rules: counted, unlimited } = this.#reports.metrics(now);
    const byRule = counted.map(({ name, counts }) => [name, counts.reduce((a, b) => a + b, 0)]);
    return { ...Object.fromEntries(byRule), unlimited };
  }
}

describe("an isolate's reports", () => {
  it("leave five seconds after the first request of a busy isolate", () => {
    const { tally, reporting } = isolateOf("x");
    expect(reporting.isDue(at(0))).toBe(true);
    const run = reporting.begin(at(0), 0);
    expect(reporting.isDue(at(1))).toBe(false);
    for (let count = 0; count < REPORT_BUSY; count++) tally.passed();
    expect(reporting.next(run, at(0))).toEqual({ kind: "wait", until: at(REPORT_PAUSE_MIN) });
    expect(reporting.next(run, at(REPORT_PAUSE_MIN)).kind).toBe("send");
  });

  it("gather for longer where there is little to say", () => {
    const { tally, reporting } = isolateOf("x");
    const run = reporting.begin(at(0), 0.999);
    tally.passed();
    expect(reporting.next(run, at(REPORT_PAUSE_MIN))).toEqual({
      kind: "wait",
      until: at(Math.floor(REPORT_PAUSE_MAX * 0.99975)),
    });
  });

  it("are the same bytes until they are acknowledged, and then only what is new", () => {
    const { tally, reporting } = isolateOf("x");
    const run = reporting.begin(at(0), 0);
    tally.passed();
    const first = reporting.next(run, at(REPORT_PAUSE_MAX));
    tally.passed();
    reporting.failed(at(REPORT_PAUSE_MAX), 0);
    expect(reporting.next(run, at(REPORT_PAUSE_MAX)).kind).toBe("over");
    const again = reporting.begin(at(30_000), 0);
    const second = reporting.next(again, at(30_000));
    expect(second).toEqual(first);
    reporting.acknowledged({ source: "x.1", seq: 1 }, at(30_000));
    // What came meanwhile goes in the same context.
    expect(reporting.next(again, at(30_000))).toEqual({ kind: "wait", until: at(30_000 + REPORT_PAUSE_MIN) });
    const third = reporting.next(again, at(30_000 + REPORT_PAUSE_MIN));
    const read = third.kind === "send" ? decodeReport(third.frame) : undefined;
    expect(read?.ok && [read.value.seq, read.value.unlimited]).toEqual([2, 2]);
  });

  it("end with their context: what is left is the next request's", () => {
    const { tally, reporting } = isolateOf("x");
    const run = reporting.begin(at(0), 0);
    tally.passed();
    reporting.next(run, at(27_000));
    reporting.acknowledged({ source: "x.1", seq: 1 }, at(27_000));
    tally.passed();
    expect(27_000 + REPORT_PAUSE_MIN).toBeGreaterThan(REPORTING_MAX);
    expect(reporting.next(run, at(27_000)).kind).toBe("over");
    expect(reporting.isDue(at(27_000))).toBe(true);
  });

  it("leave at once, and every second, while somebody looks", () => {
    const { tally, reporting } = isolateOf("x");
    tally.passed();
    expect(reporting.watched(at(30_000), at(0))).toBe(true);
    const run = reporting.begin(at(0), 0);
    expect(reporting.next(run, at(0)).kind).toBe("send");
    reporting.acknowledged({ source: "x.1", seq: 1 }, at(20));
    expect(reporting.next(run, at(REPORT_DECIDED)).kind).toBe("over");
    tally.passed();
    const next = reporting.begin(at(400), 0);
    expect(reporting.next(next, at(400))).toEqual({ kind: "wait", until: at(REPORT_PAUSE_WATCHED) });
  });

  it("wait for the request that they began with, which is counted when it is decided", () => {
    const { tally, reporting } = isolateOf("x");
    reporting.watched(at(30_000), at(0));
    reporting.acknowledged({ source: "x.1", seq: 1 }, at(0));
    const run = reporting.begin(at(2_000), 0);
    reporting.next(run, at(2_000));
    reporting.acknowledged({ source: "x.1", seq: 1 }, at(2_010));
    const later = reporting.begin(at(4_000), 0);
    expect(reporting.next(later, at(4_000))).toEqual({ kind: "wait", until: at(4_000 + REPORT_DECIDED) });
    tally.passed();
    expect(reporting.next(later, at(4_000 + REPORT_DECIDED)).kind).toBe("send");
  });

  it("are made anew when the hub cannot read one", () => {
    const { tally, reporting } = isolateOf("x");
    const run = reporting.begin(at(0), 0);
    tally.passed();
    const first = reporting.next(run, at(REPORT_PAUSE_MAX));
    reporting.refused();
    reporting.failed(at(REPORT_PAUSE_MAX), 0);
    tally.passed();
    const again = reporting.next(reporting.begin(at(60_000), 0), at(90_000));
    expect(again.kind).toBe("send");
    expect(again).not.toEqual(first);
    const read = again.kind === "send" ? decodeReport(again.frame) : undefined;
    expect(read?.ok && [read.value.seq, read.value.unlimited]).toEqual([2, 2]);
    expect(reporting.acknowledged({ source: "x.1", seq: 3 }, at(90_000))).toBe(false);
    expect(reporting.acknowledged({ source: "x.1", seq: 2 }, at(90_000))).toBe(true);
    // Two runs may have sent the same: the second receipt is no failure.
    expect(reporting.acknowledged({ source: "x.1", seq: 2 }, at(90_000))).toBe(true);
    tally.passed();
    reporting.next(reporting.begin(at(200_000), 0), at(220_000));
    expect(reporting.acknowledged({ source: "x.1", seq: 2 }, at(220_000))).toBe(true);
    expect(reporting.acknowledged({ source: "x.1", seq: 3 }, at(220_000))).toBe(true);
  });

  it("say nothing where nothing was counted", () => {
    const { reporting } = isolateOf("x");
    expect(reporting.next(reporting.begin(at(0), 0), at(REPORT_PAUSE_MAX)).kind).toBe("over");
  });
});

/** What can happen, each with the isolate it happens to. */
type Event =
  | { readonly kind: "request"; readonly isolate: number; readonly rule: number }
  | { readonly kind: "report"; readonly isolate: number; readonly fate: "ok" | "lost" | "unheard" | "twice" }
  | { readonly kind: "restart" }
  | { readonly kind: "old"; readonly index: number }
  | { readonly kind: "time"; readonly ms: number };

const isolate = fc.nat(2);
const eventArbitrary: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("request" as const), isolate, rule: fc.nat(2) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("report" as const),
      isolate,
      fate: fc.constantFrom("ok" as const, "lost" as const, "unheard" as const, "twice" as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("old" as const), index: fc.nat(50) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("time" as const),
      ms: fc.constantFrom(1_000, 20_000, REPORT_IDLE_MAX + 1, REPORTER_KEPT + 1),
    }),
  },
);

/** Plays events, delivers what is left, and returns what was counted and what the hub says. */
function play(events: readonly Event[]) {
  const isolates = [0, 1, 2].map((index) => isolateOf(`isolate${index}`));
  const hub = new Hub();
  const sent: Uint8Array[] = [];
  const expected: Record<string, number> = { unlimited: 0 };
  let now = 0;
  const report = (index: number, fate: "ok" | "lost" | "unheard" | "twice"): void => {
    const { reporting } = isolates[index] as (typeof isolates)[number];
    const run = reporting.begin(at(now), 0);
    now += REPORT_PAUSE_MAX;
    const step = reporting.next(run, at(now));
    if (step.kind !== "send") return;
    if (fate === "lost") {
      reporting.failed(at(now), 0);
      return;
    }
    sent.push(step.frame);
    const receipt = hub.report(step.frame, at(now));
    if (fate === "twice") hub.report(step.frame, at(now));
    if (fate === "unheard") reporting.failed(at(now), 0);
    else reporting.acknowledged(receipt, at(now));
  };
  for (const event of events) {
    if (event.kind === "request") {
      const { tally } = isolates[event.isolate] as (typeof isolates)[number];
      const rule = rules[event.rule];
      if (rule === undefined) tally.passed();
      else tally.decided(decision(event.rule));
      const name = rule?.name ?? "unlimited";
      expected[name] = (expected[name] ?? 0) + 1;
    } else if (event.kind === "report") report(event.isolate, event.fate);
    else if (event.kind === "restart") hub.restart(at(now));
    else if (event.kind === "time") now += event.ms;
    else {
      // A call that was under way for very long.
      const frame = sent[event.index % Math.max(1, sent.length)];
      if (frame !== undefined) hub.report(frame, at(now));
    }
  }
  // Twice: a report that nobody acknowledged goes first, then what was counted since.
  for (const round of [0, 1])
    for (const index of isolates.keys()) report(index, round === 0 ? "ok" : "twice");
  hub.restart(at(now));
  return { expected, said: hub.totals(at(now)) };
}

describe("the clients that a hub is told of", () => {
  it("are kept in bounds however many isolates report, and the busiest of each isolate first", () => {
    const reports = new Reports();
    const isolates = KEYS_KEPT_MAX / 5;
    const keys = Array.from({ length: KEYS_REPORTED_MAX }, (_, index) => keyOf(KEYS_REPORTED_MAX - index));
    for (const seq of [1, 2])
      for (let index = 0; index < isolates; index++)
        reports.take({ ...emptyReport(`s${index}`), seq, keys }, at(0));
    const kept = reports.keys(at(0));
    expect(kept).toHaveLength(KEYS_KEPT_MAX);
    expect(Math.min(...kept.map(({ used }) => used))).toBe(KEYS_REPORTED_MAX - 4);
    // One isolate alone is shown whole.
    const few = new Reports();
    few.take({ ...emptyReport("x"), keys }, at(0));
    expect(few.keys(at(0))).toHaveLength(KEYS_REPORTED_MAX);
  });
});

describe("a restarted hub", () => {
  it("takes nobody for alive who was silent for long", () => {
    const hub = new Hub();
    const { tally, reporting } = isolateOf("x");
    tally.passed();
    const step = reporting.next(reporting.begin(at(0), 0), at(REPORT_PAUSE_MAX));
    if (step.kind === "send") hub.report(step.frame, at(0));
    hub.restart(at(KEYS_SHOWN_FOR - 1));
    expect(hub.isolates(at(KEYS_SHOWN_FOR - 1))).toBe(1);
    hub.restart(at(KEYS_SHOWN_FOR + 1));
    expect(hub.isolates(at(KEYS_SHOWN_FOR + 1))).toBe(0);
    expect(hub.totals(at(KEYS_SHOWN_FOR + 1))).toEqual({ unlimited: 1 });
  });
});

describe("counts", () => {
  it("arrive once, whatever is lost, repeated or restarted", () => {
    fc.assert(
      fc.property(fc.array(eventArbitrary, { maxLength: 60 }), (events) => {
        const { expected, said } = play(events);
        expect(said).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it("of what the table pushed out arrive once, too, though an idle isolate begins another tally", () => {
    const tally = new Tally(rules);
    let replacements = 0;
    const reporting = new Reporting(tally, "x", () => ({ ...situation(), replacements }));
    const hub = new Hub();
    let now = 0;
    for (const [waited, pushedOut] of [
      [0, 3],
      [REPORT_IDLE_MAX + 1, 2],
      [1_000, 4],
    ] as const) {
      now += waited;
      replacements += pushedOut;
      tally.passed();
      const run = reporting.begin(at(now), 0);
      now += REPORT_PAUSE_MAX;
      const step = reporting.next(run, at(now));
      if (step.kind === "send") reporting.acknowledged(hub.report(step.frame, at(now)), at(now));
    }
    expect(hub.metrics(at(now))).toMatchObject({ unlimited: 3, replacements: 9 });
  });

  it("arrive once when an isolate was put away before its last report was delivered", () => {
    const request = (isolate: number) => ({ kind: "request", isolate, rule: 2 }) as const;
    const report = (isolate: number, fate: "ok" | "lost" | "unheard") =>
      ({ kind: "report", isolate, fate }) as const;
    for (const fate of ["lost", "unheard"] as const)
      for (const restart of [[], [{ kind: "restart" } as const]]) {
        const { expected, said } = play([
          ...[request(0), report(0, "ok"), request(0), report(0, fate)],
          ...[{ kind: "time", ms: REPORTER_KEPT + 1 } as const, request(1), report(1, "ok")],
          ...[...restart, request(0), report(0, "ok"), request(0)],
        ]);
        expect(said).toEqual(expected);
      }
  });

  it("are kept when an isolate is put away, and when there are too many", () => {
    const reports = new Reports();
    for (let index = 0; index < REPORTERS_MAX + 3; index++) reports.take(emptyReport(`s${index}`), at(index));
    expect(reports.tidy(at(REPORTERS_MAX + 3))).toEqual({ gone: ["s0", "s1", "s2"], base: true });
    expect(reports.size).toBe(REPORTERS_MAX);
    expect(reports.metrics(at(REPORTERS_MAX + 3)).unlimited).toBe(REPORTERS_MAX + 3);
    // One of those gone is repeated.
    expect(reports.take(emptyReport("s1"), at(REPORTERS_MAX + 4))).toBe(false);
    const receipt = { source: "s1", seq: 1, putAway: true };
    expect(reports.receiptOf({ ...emptyReport("s1"), seq: 2 })).toEqual(receipt);
    const read = decodeReceipt(encodeReceipt(receipt));
    expect(read.ok && read.value).toEqual(receipt);
    expect(reports.tidy(at(REPORTERS_MAX + 4 + REPORTER_KEPT)).gone).toHaveLength(REPORTERS_MAX);
    expect(reports.metrics(at(REPORTER_KEPT)).unlimited).toBe(REPORTERS_MAX + 3);
  });
});
