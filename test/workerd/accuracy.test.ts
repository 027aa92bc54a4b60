/** Live accuracy in workerd: what isolates report of sampled keys, and the object that keeps it. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KeySample } from "../../shared/accuracy/key-sample.ts";
import { auditorName, decodeReport, encodeReport, type Report } from "../../shared/accuracy/report.ts";
import { ClientAddress } from "../../shared/address.ts";
import { KeyHasher } from "../../shared/key.ts";
import { AUDIT_KEEP, AUDIT_REPORTS_MAX, AUDIT_WAIT, OBSERVE_PAUSE } from "../../shared/limits.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";
import { durationMs } from "../../shared/time.ts";
import { accuracyOf } from "../../worker/accuracy.ts";
import { secretWords } from "../../worker/secret.ts";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const MINUTE = 60_000;
/** The first moment of a minute. */
const T0 = 30_000_000 * MINUTE;
const W0 = 30_000_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"], now: T0 });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

let versions = 0;
/** An auditor that has just heard of its rule: windows from T0 + 1 min on count. */
async function newAuditor() {
  versions += 1;
  const version = versions.toString(16).padStart(16, "0");
  const rule = {
    version,
    name: "login",
    algorithm: "fixed-window" as const,
    limit: 10,
    threshold: 4,
    grid: { lengthMs: durationMs(MINUTE), offsetMs: durationMs(0) },
  };
  const auditor = env.KEY_OWNER.getByName(auditorName(version));
  const report = (part: Partial<Report>) =>
    auditor.observe(
      encodeReport({ source: "a", seq: 1, rule, stepMs: durationMs(1_000), windows: [], ...part }),
    );
  await report({ source: "first" });
  return { auditor, version, report };
}

/** One client in a window, all of its requests in one step. */
const saw = (admitted: number, window = W0 + 1): Report["windows"][number] => ({
  key: "0123456789abcdef",
  offsetMs: durationMs(0),
  window,
  complete: true,
  rows: [[0, 1, admitted, 0, 0]],
});

const whenWindowIsJudged = (): void => {
  vi.setSystemTime(T0 + 2 * MINUTE + AUDIT_WAIT);
};

describe("the object that audits a rule", () => {
  it("loses nothing when it restarts, wherever it is, and counts a repeated report once", async () => {
    const { auditor, report } = await newAuditor();
    vi.setSystemTime(T0 + MINUTE + 1_000);
    for (let repeated = 0; repeated < 3; repeated += 1) {
      expect(await report({ windows: [saw(10)] })).toBe(true);
      await evictDurableObject(auditor);
    }
    await report({ source: "b", windows: [saw(3)] });
    await evictDurableObject(auditor);
    whenWindowIsJudged();
    const figures = { rule: "login", admitted: 13, over: 3, under: 0, worst: 3, bound: 3 };
    expect(await auditor.accuracy()).toEqual(figures);
    await evictDurableObject(auditor);
    expect(await auditor.accuracy()).toEqual(figures);
  });

  it("keeps its state instead of reports when there are many, and nothing is lost or counted twice", async () => {
    const { auditor, report } = await newAuditor();
    vi.setSystemTime(T0 + MINUTE + 1_000);
    const reports = AUDIT_REPORTS_MAX + 5;
    for (let seq = 1; seq <= reports; seq += 1) await report({ seq, windows: [saw(1)] });
    await report({ seq: 3, windows: [saw(1)] });
    const rows = await runInDurableObject(auditor, (_, { storage }) =>
      Array.from(storage.kv.list({ prefix: "audit:" }), ([name]) => name),
    );
    expect(rows.length).toBeLessThan(8);
    expect(rows).toContain("audit:state");
    await evictDurableObject(auditor);
    whenWindowIsJudged();
    expect(await auditor.accuracy()).toMatchObject({ admitted: reports, over: reports - 10 });
  });

  it("has no figures before the first report, and takes none that it cannot read", async () => {
    const fresh = env.KEY_OWNER.getByName(auditorName("never-heard-of"));
    expect(await fresh.accuracy()).toBeNull();
    expect(await fresh.observe(new Uint8Array([1, 2, 3]))).toBe(false);
  });

  it("begins anew where its state cannot be read", async () => {
    const { auditor, report } = await newAuditor();
    await runInDurableObject(auditor, (_, { storage }) => {
      storage.kv.put("audit:state", new Uint8Array([0xc1]));
    });
    await evictDurableObject(auditor);
    vi.setSystemTime(T0 + MINUTE + 1_000);
    expect(await report({ windows: [saw(1)] })).toBe(true);
  });

  it("forgets a rule of which nobody reports any more, and leaves nothing behind", async () => {
    const { auditor, report } = await newAuditor();
    await report({ windows: [saw(1)] });
    vi.setSystemTime(T0 + AUDIT_KEEP - 1);
    await runDurableObjectAlarm(auditor);
    expect(await auditor.accuracy()).not.toBeNull();
    vi.setSystemTime(T0 + AUDIT_KEEP + 1);
    await runDurableObjectAlarm(auditor);
    const left = await runInDurableObject(auditor, (_, { storage }) => [...storage.kv.list()].length);
    expect([left, await auditor.accuracy()]).toEqual([0, null]);
  });
});

/** Addresses, those that are in the sample under a secret and a rule, and those that are not. */
async function addressesOf(secret: string, rule: Rule) {
  const sample = new KeySample(await secretWords("sample", secret));
  const hasher = new KeyHasher(await secretWords("keys", secret), rule.version);
  const found = { sampled: [] as string[], others: [] as string[] };
  for (let n = 0; n < 5_000; n += 1) {
    const ip = `10.0.${n >> 8}.${n & 255}`;
    hasher.tag(new ClientAddress().read(ip).under(rule.ipv6Prefix));
    (sample.has(hasher.hi, hasher.lo) ? found.sampled : found.others).push(ip);
  }
  return found;
}

describe("an isolate", () => {
  const secret = "a secret of this test";
  const written = [ruleOf({ limit: 3, threshold: 2 })];
  const parsed = parseRules(written);
  const rule = (parsed.ok ? parsed.rules[0] : undefined) as Rule;

  /** An isolate whose reports are read on their way, and may be lost. */
  async function reporting(fate: () => boolean = () => true, rules = written) {
    const reports: Report[] = [];
    const KEY_OWNER = {
      getByName: (name: string) => ({
        ask: (frame: Uint8Array) => env.KEY_OWNER.getByName(name).ask(frame),
        observe: async (bytes: Uint8Array) => {
          const report = decodeReport(bytes);
          if (!report.ok) throw new Error(report.error);
          reports.push(report.value);
          if (!fate()) throw new Error("lost");
          return true;
        },
      }),
    };
    const vars = { KEY_OWNER, KEY_SECRET: secret, RULES: rules };
    return { worker: await freshWorker(vars), reports };
  }

  it("reports what became of sampled keys, OBSERVE_PAUSE later, in the background, and of no others", async () => {
    const { sampled, others } = await addressesOf(secret, rule);
    const { worker, reports } = await reporting();
    const [ip] = sampled as [string];
    const seen: number[] = [];
    for (let sent = 0; sent < 5; sent += 1) {
      seen.push((await worker.fetch("/", { ip })).status);
      await worker.fetch("/", { ip: others[0] as string });
    }
    expect(seen).toEqual([200, 200, 200, 429, 429]);
    await vi.advanceTimersByTimeAsync(OBSERVE_PAUSE - 1);
    expect(reports).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(reports).toMatchObject([
      { seq: 1, rule: { version: rule.version }, windows: [{ complete: true }] },
    ]);
    const [{ windows } = { windows: [] }] = reports;
    expect(windows.flatMap(({ rows }) => rows.map(([, ...row]) => row))).toEqual([[1, 3, 2, 0]]);
  });

  it("says the same bytes again when an auditor is not reached, and then what came meanwhile", async () => {
    const { sampled } = await addressesOf(secret, rule);
    let calls = 0;
    const { worker, reports } = await reporting(() => {
      calls += 1;
      return calls > 1;
    });
    await worker.fetch("/", { ip: sampled[1] as string });
    await vi.advanceTimersByTimeAsync(OBSERVE_PAUSE);
    await worker.fetch("/", { ip: sampled[2] as string });
    await vi.advanceTimersByTimeAsync(2 * OBSERVE_PAUSE);
    expect(reports.map(({ seq, windows }) => [seq, windows.length])).toEqual([
      [1, 1],
      [1, 1],
      [2, 1],
    ]);
    expect(reports[1]).toEqual(reports[0]);
    expect(reports.map(({ lostUntil }) => lostUntil)).toEqual([undefined, undefined, undefined]);
  });

  it("says nothing of a request that another rule denied", async () => {
    const rules = [
      ruleOf({ name: "all", match: { methods: ["POST"] }, limit: 1, threshold: 1, key: ["header:x-all"] }),
      // Under another rule the clients are new.
      ruleOf({ limit: 4, threshold: 2 }),
    ];
    const both = parseRules(rules);
    if (!both.ok) throw new Error("the rules are wrong");
    const { sampled } = await addressesOf(secret, both.rules[1] as Rule);
    const { worker, reports } = await reporting(undefined, rules);
    const ip = sampled[0] as string;
    const post = { ip, method: "POST", headers: { "x-all": "1" } };
    const seen = [await worker.fetch("/", post), await worker.fetch("/", post)];
    expect(seen.map(({ status }) => status)).toEqual([200, 429]);
    await vi.advanceTimersByTimeAsync(OBSERVE_PAUSE);
    const rows = reports
      .filter(({ rule }) => rule.name === "test")
      .flatMap(({ windows }) => windows.flatMap((window) => window.rows.map(([, ...row]) => row)));
    expect(rows).toEqual([[1, 1, 0, 0]]);
  });
});

describe("accuracyOf", () => {
  it("has the figures of the rules that were seen, and none of those out of reach", async () => {
    const { report, version } = await newAuditor();
    vi.setSystemTime(T0 + MINUTE + 1_000);
    await report({ windows: [saw(11)] });
    whenWindowIsJudged();
    const rules = [{ version }, { version: "ffffffffffffffff" }];
    expect(await accuracyOf(env, rules)).toMatchObject([{ rule: "login", admitted: 11, over: 1 }]);
    const plan = await newAuditor();
    vi.setSystemTime(T0 + 4 * MINUTE);
    await plan.report({ windows: [saw(12, W0 + 5)] });
    vi.setSystemTime(T0 + 10 * MINUTE);
    expect(await accuracyOf(env, [...rules, { version: plan.version }])).toMatchObject([
      { rule: "login", admitted: 23, over: 3, worst: 2 },
    ]);
    const gone = { getByName: () => ({ accuracy: () => Promise.reject(new Error("gone")) }) };
    expect(await accuracyOf({ KEY_OWNER: gone } as never, rules)).toEqual([]);
    const old = { getByName: () => ({}) };
    expect(await accuracyOf({ KEY_OWNER: old } as never, rules)).toEqual([]);
    const hanging = { getByName: () => ({ accuracy: () => new Promise(() => undefined) }) };
    const waited = accuracyOf({ KEY_OWNER: hanging } as never, rules);
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(await waited).toEqual([]);
  });
});
