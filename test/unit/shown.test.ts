/** What people are shown of leases, grace, strict, spread and automatic thresholds: in the state, and on the live page. */
import { describe, expect, it, test } from "vitest";
import { Reports } from "../../shared/hub/reports.ts";
import { Stories } from "../../shared/hub/stories.ts";
import { BLOCK_TRUST, OWNER_ASKS_HIGH, REPORTER_KEPT } from "../../shared/limits.ts";
import { ask, openAccount } from "../../shared/owner/account.ts";
import { Accounts } from "../../shared/owner/accounts.ts";
import { inspect } from "../../shared/owner/inspect.ts";
import { decodeRow, encodeRow } from "../../shared/owner/row.ts";
import { policyOf } from "../../shared/policy.ts";
import { busiest } from "../../shared/pop/busiest.ts";
import {
  decodeAsks,
  decodeNews,
  decodeReply,
  encode,
  encodeAsks,
  encodeNews,
  encodeReply,
} from "../../shared/protocol/codec.ts";
import { decodeCommandReply, encodeCommandReply } from "../../shared/protocol/commands.ts";
import { type Ask, HUB_SOURCE } from "../../shared/protocol/messages.ts";
import { decodeReport } from "../../shared/telemetry/report.ts";
import { durationMs, epochMs, windowAt, windowEnd } from "../../shared/time.ts";
import { switchesText, switchFacts } from "../../worker/page/switches.ts";
import { MINUTE, ruleWith, T0, World } from "./world.ts";

const GRID = { lengthMs: MINUTE, offsetMs: durationMs(0) };
const NOW = windowAt(GRID, T0);
const at = (ms: number) => epochMs(T0 + ms);
const KEY = "00112233445566778899aabbccddeeff";

const leasing = ruleWith({ limit: 1_000, threshold: 1, lease: "auto", grace: 0 });
const strict = ruleWith({ limit: 20, threshold: 4, strict: 3 });

const asks = (rule: Parameters<typeof policyOf>[0], source: string, said: Partial<Ask> = {}): Ask => ({
  source: `${source}.1`,
  pop: "LHR",
  rule: policyOf(rule, GRID),
  key: KEY,
  window: NOW,
  seq: 1,
  epochSeen: 0,
  spent: 0,
  counted: 0,
  previousSpent: 0,
  want: [],
  ...said,
});
function told(account: ReturnType<typeof openAccount>, message: Ask, now = T0) {
  const step = ask(account, message, now);
  if (step.kind !== "answer" || step.answer.kind !== "granted") throw new Error(JSON.stringify(step));
  return { answer: step.answer, announcement: step.announcement };
}

describe("an owner is shown to have lent", () => {
  it("what it granted ahead, and what sources said that they keep, until they ask again", () => {
    const first = asks(leasing, "a", { want: [1], ahead: 8 });
    const account = openAccount(first, T0);
    told(account, first);
    expect(inspect(account, T0)).toMatchObject({ count: 9, lent: 8, reserved: 0, busy: false });
    // Five of the eight are used, three are kept until the answer is here, and eight more are granted.
    told(account, asks(leasing, "a", { seq: 2, spent: 9, kept: 3, ahead: 8 }));
    expect(inspect(account, T0)).toMatchObject({ count: 17, lent: 11 });
    told(account, asks(leasing, "b", { want: [1], ahead: 4 }));
    expect(inspect(account, T0)).toMatchObject({ count: 22, lent: 15 });
    // a hands back all but what it used.
    told(account, asks(leasing, "a", { seq: 3, spent: 7 }));
    expect(inspect(account, T0)).toMatchObject({ count: 12, lent: 4 });
  });

  it("the same after an Ask that came twice, and nothing of a window that is over", () => {
    const first = asks(leasing, "a", { want: [1], ahead: 8 });
    const account = openAccount(first, T0);
    told(account, first);
    told(account, first);
    expect(inspect(account, T0)).toMatchObject({ count: 9, lent: 8 });
    expect(inspect(account, at(MINUTE))).toMatchObject({ lent: 0 });
  });

  it("nothing that was counted before a reset, and nothing that it forgot, until sources ask again", () => {
    const first = asks(leasing, "a", { want: [1], ahead: 8 });
    const account = openAccount(first, T0);
    told(account, first);
    const back = decodeRow(encodeRow(account));
    expect(back && inspect(back, T0)).toMatchObject({ count: 9, lent: 0 });
    const accounts = new Accounts();
    accounts.take([first], T0);
    const reset = { rule: first.rule, key: KEY, action: { kind: "reset" } } as const;
    expect(accounts.command(reset, T0).reply).toMatchObject({ result: { count: 0, lent: 0 } });
  });
});

test("a strict owner is shown to keep back what it may not grant, and says whom it denied for that alone", () => {
  const first = asks(strict, "a", { spent: 3, want: [11, 1, 7] });
  const account = openAccount(first, T0);
  // 20 − 3 − 2 × 3 = 11: then 1 would fit into what is kept back, and 7 into nothing.
  expect(told(account, first).answer).toMatchObject({ granted: 14, keptBack: 1 });
  expect(inspect(account, T0)).toMatchObject({ count: 14, reserved: 6 });
  told(account, asks(strict, "b", { spent: 3 }));
  expect(inspect(account, T0)).toMatchObject({ count: 17, reserved: 3 });
  expect(told(account, asks(strict, "c", { want: [4] })).answer).not.toHaveProperty("keptBack");
  expect(inspect(account, T0)).toMatchObject({ count: 17, reserved: 0 });
});

test("an owner that has much to do is shown so, in its state and in what commands are answered", () => {
  const accounts = new Accounts();
  const [busy, over] = [at(0), at(2_000)];
  accounts.take(
    Array.from({ length: OWNER_ASKS_HIGH + 1 }, (_, seq) => asks(leasing, "a", { seq })),
    busy,
  );
  const peek = { rule: policyOf(leasing, GRID), key: KEY, action: { kind: "peek" } } as const;
  expect(accounts.inspect(busy)).toMatchObject([{ busy: true }]);
  expect(accounts.command(peek, busy).reply).toMatchObject({ result: { busy: true } });
  expect(accounts.inspect(over)).toMatchObject([{ busy: false }]);
});

describe("a client that a hub claimed", () => {
  const hub = asks(strict, HUB_SOURCE, { source: `${HUB_SOURCE}.weur-1-1`, pop: "TYO" });

  it("is announced as found, once, and by nobody else's claim", () => {
    const account = openAccount(hub, T0);
    expect(told(account, hub).announcement).toMatchObject({ claimedBy: "TYO", found: true });
    const other = asks(strict, "a", { want: [1] });
    expect(told(openAccount(other, T0), other).announcement).not.toHaveProperty("found");
    // A hub that asks after a client that is claimed already has found nothing.
    const claimed = openAccount(other, T0);
    told(claimed, other);
    expect(told(claimed, hub).announcement).toBeUndefined();
    claimed.claimedUntil = at(1);
    const prolonged = told(claimed, { ...hub, seq: 2 }).announcement;
    expect(prolonged).toMatchObject({ claimedUntil: windowEnd(GRID, NOW) });
    expect(prolonged).not.toHaveProperty("found");
  });

  it("has that in its story", () => {
    const stories = new Stories();
    const { announcement } = told(openAccount(hub, T0), hub);
    if (announcement !== undefined) stories.heard(announcement, T0);
    expect(stories.of(hub.rule.version, KEY.slice(0, 16))).toMatchObject([{ what: "found", pop: "TYO" }]);
  });
});

test("what is said of it goes over the wire, and need not be said", () => {
  const said = asks(leasing, "a", { spent: 9, kept: 3 });
  expect(decodeAsks(encodeAsks([said]))).toMatchObject({ ok: true, value: [said] });
  const account = openAccount(asks(strict, "a"), T0);
  const { answer } = told(account, asks(strict, "a", { want: [12] }));
  expect(decodeReply(encodeReply({ answers: [{ ...answer, keptBack: 2 }] }))).toMatchObject({
    value: { answers: [{ keptBack: 2 }] },
  });
  const news = { key: KEY, ruleVersion: strict.version, epoch: 1, version: 1, found: true };
  expect(decodeNews(encodeNews([news]))).toMatchObject({ value: [news] });
  const { lent, reserved, busy, ...older } = inspect(account, T0);
  expect({ lent, reserved, busy }).toEqual({ lent: 0, reserved: 6, busy: false });
  for (const result of [older, { ...older, lent, reserved, busy }])
    expect(decodeCommandReply(encodeCommandReply({ result } as never))).toMatchObject({
      ok: true,
      value: { result },
    });
});

describe("an isolate is shown", () => {
  it("what it holds ahead, and its threshold", () => {
    const world = new World({ sources: 1, rules: [leasing] });
    world.request(0);
    world.settle();
    const { source } = world.node(0);
    expect([...source.entries(world.now)]).toMatchObject([{ used: 1, credit: 9, ahead: 8, threshold: 1 }]);
    expect(busiest(source, new Set(), () => undefined, world.now)).toMatchObject([{ used: 1, ahead: 8 }]);
    expect(inspect(world.account(), world.now)).toMatchObject({ count: 9, lent: 8 });
  });

  it("to hold no more than its owner lent it, whenever one looks", () => {
    const world = new World({ sources: 1, rules: [leasing] });
    const differences = Array.from({ length: 40 }, () => {
      world.request(0);
      world.settle();
      world.tick(100);
      const [entry] = world.node(0).source.entries(world.now);
      return (inspect(world.account(), world.now).lent ?? 0) - (entry?.ahead ?? 0);
    });
    expect(Math.min(...differences)).toBe(0);
    expect(Math.max(...differences)).toBeGreaterThan(0);
  });

  it("no silent credit as held ahead, and no threshold of a rule that has a fixed one in a report", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ limit: 20, threshold: 4 })] });
    world.request(0);
    const { source } = world.node(0);
    expect([...source.entries(world.now)]).toMatchObject([{ used: 1, credit: 3, ahead: 0, threshold: 4 }]);
    const [key] = busiest(source, new Set(), () => undefined, world.now);
    expect(key).not.toHaveProperty("ahead");
    expect(key).not.toHaveProperty("threshold");
    expect(source.automaticThresholds(world.now)).toEqual([]);
  });

  it("the automatic threshold in force, once it has heard how many see a client", () => {
    const rule = ruleWith({ limit: 300, threshold: 4, excessMax: 0.05 });
    const world = new World({ sources: 1, rules: [rule] });
    const { source } = world.node(0);
    expect(source.automaticThresholds(world.now)).toEqual([[rule.name, 4]]);
    const news = { key: KEY, ruleVersion: rule.version, epoch: 1, version: 1, sources: 15 };
    source.hear({ ...news, claimedUntil: epochMs(world.now + MINUTE) }, world.now, 0);
    expect(source.automaticThresholds(world.now)).toEqual([[rule.name, 2]]);
    world.request(0);
    expect(busiest(source, new Set(), () => undefined, world.now)[0]).toMatchObject({ threshold: 2 });
  });
});

it("a blocked client is shown when its window is over, with nothing used in the one that runs", () => {
  const world = new World({ sources: 1, rules: [ruleWith({ limit: 9, threshold: 4 })] });
  const { source } = world.node(0);
  world.request(0);
  const [entry] = source.entries(world.now);
  const end = source.endOfWindow(entry?.slot ?? -1);
  const look = (ms: number) => {
    const now = epochMs(end + ms);
    const shown = [...source.entries(now)].map(({ window, used, credit }) => ({ window, used, credit }));
    const reported = busiest(source, new Set(), () => undefined, now);
    return {
      shown,
      reported: reported.map(({ window, used, blockedUntil }) => ({ window, used, blockedUntil })),
    };
  };
  const penaltyUntil = epochMs(end + MINUTE);
  const key = source.hashers[0]?.hash("ip=c") ?? "";
  const ruleVersion = source.rules[0]?.version ?? "";
  source.hear({ key, ruleVersion, epoch: 1, version: 1, penaltyUntil }, epochMs(end - 1), 0);
  const window = entry?.window ?? 0;
  expect(look(-1).reported).toEqual([{ window, used: 1, blockedUntil: penaltyUntil }]);
  expect(look(0)).toEqual({
    shown: [{ window: window + 1, used: 0, credit: 0 }],
    reported: [{ window: window + 1, used: 0, blockedUntil: penaltyUntil }],
  });
  // Nobody confirmed the block: it is not believed for ever.
  expect(look(BLOCK_TRUST)).toEqual({ shown: [], reported: [] });
});

describe("requests that credit held ahead paid for", () => {
  const paid = (world: World) => [...world.node(0).source.paidAhead];
  const requests = (world: World, many: number): void => {
    for (let sent = 0; sent < many; sent += 1) {
      world.request(0);
      world.settle();
    }
  };

  it("are counted under a lease, but not the one that waited", () => {
    const world = new World({ sources: 1, rules: [leasing] });
    requests(world, 6);
    expect(paid(world)).toEqual([5]);
  });

  it("are those of its grace as well, but none that is silent", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ limit: 100, threshold: 4, grace: 2 })] });
    requests(world, 3);
    expect(paid(world)).toEqual([0]);
    requests(world, 1);
    expect(paid(world)).toEqual([1]);
  });

  it("are none without leases and grace", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ limit: 100, threshold: 4 })] });
    requests(world, 10);
    expect(paid(world)).toEqual([0]);
  });
});

test("a hub adds up what isolates counted of it, and reads those that did not count it", () => {
  const rule = { version: strict.version, name: "strict", mode: "enforce" } as const;
  const reportOf = (source: string, further: object) =>
    decodeReport(
      encode({
        ...{ source, seq: 1, pop: "LHR", unlimited: 0, faults: 0, heard: 0, busy: 0, askMs: 0 },
        ...{ watchAgeMs: null, entries: 1, capacity: 8, replacements: 0, keys: [] },
        rules: [{ ...rule, counts: [0, 1, 0, 0, 0, 0, 0, 0], degraded: [0, 0, 0, 0, 0], ...further }],
        asks: Array<number>(10).fill(0),
      }),
    );
  const reports = new Reports();
  for (const report of [
    reportOf("a.1", { further: [1, 2] }),
    reportOf("b.1", {}),
    reportOf("c.1", { further: [3, 4] }),
  ])
    if (report.ok) reports.take(report.value, T0);
  expect(reports.metrics(T0)).toMatchObject({ rules: [{ further: [4, 6] }], thresholds: new Map() });
  const restored = new Reports();
  expect(reports.tidy(at(REPORTER_KEPT)).gone).toHaveLength(3);
  restored.restore([], reports.encodeBase(), at(REPORTER_KEPT));
  expect(restored.metrics(at(REPORTER_KEPT))).toMatchObject({ rules: [{ further: [4, 6] }] });
});

describe("the live page", () => {
  it("names the switches that are on", () => {
    expect(switchesText({})).toBe("");
    expect(switchesText({ lease: 0, grace: 0, strict: 0, spread: "off" })).toBe("");
    expect(switchesText({ excessMax: 0.05, lease: "auto", grace: 2, spread: "auto" })).toBe(
      "excess_max 0.05 · lease auto · grace 2 · spread auto",
    );
    expect(switchesText({ lease: 0.1, strict: 4 })).toBe("lease 0.1 · strict 4");
  });

  it("shows of a client what its rule's switches do, and nothing where they are off", () => {
    const row = { ahead: 5, threshold: 2 };
    const account = { lent: 8, reserved: 6 };
    for (const off of [{}, { lease: 0, grace: 0, strict: 0 }])
      expect(switchFacts(off, row, account)).toEqual({ lent: null, kept: null, threshold: null });
    const all = { excessMax: 0.05, lease: "auto", strict: 4 } as const;
    expect(switchFacts(all, row, account)).toEqual({ lent: "8, 5 left", kept: "6", threshold: "2" });
    // What isolates reported before the owner was told that it came back.
    expect(switchFacts({ grace: 2 }, row, { lent: 3, reserved: 0 })).toMatchObject({ lent: "3, 3 left" });
    expect(switchFacts(all, undefined, undefined)).toEqual({ lent: "0", kept: "0", threshold: "–" });
  });
});
