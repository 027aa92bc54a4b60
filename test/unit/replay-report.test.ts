import { expect, test } from "vitest";
import { formatReport } from "../../loadtest/replay/format.ts";
import { keptPace, type Report, reportJson } from "../../loadtest/replay/report.ts";

const REPORT: Report = {
  log: {
    path: "access.log",
    lines: 20_429,
    parsed: 20_428,
    unparsed: 1,
    shown: [{ lineNumber: 5, problem: "broken JSON", text: "{" }],
  },
  slice: {
    from: "2026-01-12T07:27:00Z",
    forMs: 60_000,
    spanMs: 25_400,
    sorted: false,
    malformed: 2,
    unsendable: 1,
  },
  run: {
    startedAt: "2026-02-01T00:00:00.000Z",
    tookMs: 12_700,
    rules: "wrangler.toml",
    speed: 2,
    spread: 2,
    seed: 1,
    pops: ["LHR", "CDG"],
  },
  requests: 1_260,
  admitted: 302,
  denied: 956,
  statuses: { "200": 302, "429": 956, "501": 1 },
  undecided: 1,
  failures: { "socket hang up": 1 },
  rules: [
    {
      name: "site",
      requests: 1_258,
      admitted: 302,
      denied: 956,
      deniedByOthers: 0,
      waited: 314,
      claims: 1,
      excess: 2,
      falseDenials: 0,
      admittedPerWindowMax: 302,
      limit: 300,
      window: "1m",
      windowRunMs: 30_000,
      threshold: 20,
      algorithm: "sliding-window",
      mode: "enforce",
      bound: 319,
    },
  ],
  decisions: [
    { decision: "credit", requests: 40, p50Ms: 1.25, p99Ms: 3, addedP50Ms: 0, addedP99Ms: 1.75 },
    {
      decision: "owner",
      requests: 1_218,
      p50Ms: 101.25,
      p99Ms: 300.0004,
      addedP50Ms: 100,
      addedP99Ms: 298.7504,
    },
  ],
  clients: [{ client: "203.0.113.9", requests: 1_258, admitted: 302, denied: 956, pops: ["LHR", "CDG"] }],
  clientCount: 1,
  late: { p50Ms: 0.4, p99Ms: 2.5, maxMs: 11.7 },
  keptPace: true,
};

test("the report for people is plain text in aligned columns", () => {
  expect(formatReport(REPORT)).toBe(`\
log      access.log: 20,429 lines, 1 unparsed
         line 5: broken JSON: {
slice    2026-01-12T07:27:00Z for 1m: 1,260 requests of 1 client within 25.4 s
         the log is not in the order of time: the slice was sorted
         2 malformed request lines, sent as GET /
         1 request with a method or target that cannot be sent, sent as GET
cluster  LHR CDG, rules of wrangler.toml, speed 2, spread 2, seed 1
sent     within 12.7 s, at most 11.7 ms late (p99 2.5 ms)
answers  302 admitted, 956 denied, 1 refused by the server before any Worker, 1 failed (socket hang up) (200 × 302, 429 × 956, 501 × 1)

rule  quota                     requests  admitted  denied  waited  claims  excess  missing  peak of bound
site  300 per 1m (run as 30 s)     1,258       302     956  25.0 %       1       2        0     302 of 319

decision  requests  p50 ms  p99 ms  added p50  added p99
credit          40     1.3     3.0        0.0        1.8
owner        1,218   101.3   300.0      100.0      298.8

client       requests  admitted  denied  POPs
203.0.113.9     1,258       302     956  LHR CDG

waited: share that waited for an owner. claims: (client, window) pairs that got one.
excess, missing: admitted beyond, or short of, an exact count of the same requests in the order sent.
peak of bound: most admitted for one client in one window, and the guarantee's L + (k−1)(T−1+N), N being the grace.
added: against the median answer that needed no owner (credit, unlimited).
`);
});

test("the report for programs is one JSON document without a float's noise", () => {
  const parsed: Report = JSON.parse(reportJson(REPORT));
  expect(parsed.decisions[1]?.p99Ms).toBe(300);
  expect(parsed.rules).toEqual(REPORT.rules);
});

test("a machine too slow for its windows is told apart, and the report says so", () => {
  expect(keptPace(REPORT, [60_000])).toBe(true);
  expect(keptPace(REPORT, [60_000, 300])).toBe(false);
  expect(formatReport({ ...REPORT, keptPace: false })).toMatch(/too slow for this speed/);
});
