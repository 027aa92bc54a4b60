/** Whatever the HTTP API is sent, it says what was wrong, where, and what is allowed; it never fails. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { type Answered, audits, callApi } from "./api-client.ts";

const RULES = [
  { name: "ip", limit: 5, window: "30d", threshold: 1, algorithm: "fixed-window", deadline: "10s" },
  { name: "plans", limit: 5, window: "30d", threshold: 1, limits: { by: "header:x-plan", pro: 6 } },
];

let cluster: Cluster;
const lines: string[] = [];
beforeAll(async () => {
  cluster = await startCluster({
    rules: RULES,
    pops: ["LHR"],
    distance: 0,
    onOutput: (line) => lines.push(line),
  });
});
afterAll(() => cluster.stop());

const TITLES: Readonly<Record<number, string>> = { 400: "Bad Request", 404: "Not Found" };
function expectProblem({ status, type, body, headers }: Answered, expected: number, says: readonly string[]) {
  expect([status, type, headers.get("Cache-Control")]).toEqual([
    expected,
    "application/problem+json",
    "no-store",
  ]);
  expect(body).toEqual({ type: "about:blank", title: TITLES[expected], status, detail: expect.any(String) });
  for (const part of says) expect((body as { detail: string }).detail).toContain(part);
}

const NAME = "allowed is the name of a rule";
const KEY = "allowed is a text of 1 to 1024 characters";
const COST = "allowed is a whole number from 1 to 1000000000";
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

describe("POST /v1/limit and /v1/peek", () => {
  it.each<[unknown, string[]]>([
    ["", ["the body: found what is no JSON; allowed is JSON"]],
    ["limit me", ["the body: found what is no JSON"]],
    ['{"rule":"ip","key":"a"', ["the body: found what is no JSON"]],
    [new Uint8Array([0x22, 0xff, 0xfe, 0x22]), ["the body: found what is no JSON; allowed is JSON in UTF-8"]],
    ["x".repeat(300_000), ["the body: found more than 262144 bytes"]],
    [`{"rule":"ip","key":"${"x".repeat(300_000)}"}`, ["the body: found more than 262144 bytes"]],
    ["null", ["a request: found null; allowed is an object"]],
    ["[]", ["a request: found an empty list; allowed is an object"]],
    [[{ rule: "ip", key: "a" }], ["a request: found a list of 1; allowed is an object"]],
    [nested(100_000), ["a request: found a list of 1; allowed is an object"]],
    [`{"rule":${nested(100_000)},"key":"a"}`, ['"rule": found a list of 1', NAME]],
    ['{"__proto__":{"rule":"ip","key":"a"}}', ['"rule": found nothing', NAME]],
    [{ constructor: 1, rule: "ip", key: "a" }, ['"constructor": found 1; there is no such field']],
    [{ rule: "ip", key: "a", cots: 2 }, ['"cots": found 2; there is no such field']],
    [{ key: "a" }, ['"rule": found nothing', NAME]],
    [{ rule: ["ip"], key: "a" }, ['"rule": found a list of 1', NAME]],
    [{ rule: "ip" }, ['"key": found nothing', KEY]],
    [{ rule: "ip", key: "" }, ['"key": found ""', KEY]],
    [{ rule: "ip", key: 7 }, ['"key": found 7', KEY]],
    [{ rule: "ip", key: "x".repeat(1_025) }, ['"key": found "xxx', KEY]],
    [{ rule: "ip", key: "a", cost: 0 }, ['"cost": found 0', COST]],
    [{ rule: "ip", key: "a", cost: -1 }, ['"cost": found -1', COST]],
    [{ rule: "ip", key: "a", cost: 1.5 }, ['"cost": found 1.5', COST]],
    [{ rule: "ip", key: "a", cost: 1e300 }, ['"cost": found 1e+300', COST]],
    ['{"rule":"ip","key":"a","cost":1e999}', ['"cost": found Infinity', COST]],
    [{ rule: "ip", key: "a", cost: "2" }, ['"cost": found "2"', COST]],
    [{ rule: "ip", key: "a", cost: null }, ['"cost": found null', COST]],
    [{ rule: "ip", key: "a", plan: "pro" }, ['"plan": found "pro"; it has no plans']],
    [{ rule: "plans", key: "a", plan: "con" }, ['"plan": found "con"; its plans are pro']],
    [{ rule: "plans", key: "a", plan: "" }, ['"plan": found ""; allowed is the name of one']],
    [{ requests: [] }, ['a batch, "requests": found an empty list; allowed is a list of 1 to 100 requests']],
    [{ requests: {} }, ['a batch, "requests": found a table; allowed is a list of 1 to 100 requests']],
    [
      { requests: Array(101).fill({ rule: "ip", key: "a" }) },
      ["found a list of 101; allowed is a list of 1"],
    ],
    [{ requests: [1], rule: "ip" }, ['a batch, "rule": found "ip"; there is no such field']],
  ])("refuses %o", async (body, says) => {
    for (const path of ["/v1/limit", "/v1/peek"])
      expectProblem(await callApi(cluster, "POST", path, body), 400, says);
  });

  it.each(["nowhere", "__proto__", "toString", "\u001b[2J", "🦊"])("know no rule %j", async (rule) => {
    for (const path of ["/v1/limit", "/v1/peek"])
      expectProblem(await callApi(cluster, "POST", path, { rule, key: "a" }), 404, [
        "found rule",
        "the rules are ip, plans",
      ]);
  });
});

const SECONDS = (most: number) => `allowed is a whole number from 1 to ${most}`;
const [BLOCK, OVERRIDE] = ["/v1/blocks/ip/a", "/v1/overrides/ip/a"];

describe("changes", () => {
  it.each<[method: string, path: string, body: unknown, says: string[]]>([
    ["PUT", BLOCK, "", ["no JSON"]],
    ["PUT", BLOCK, "60", ["a block: found 60; allowed is an object"]],
    ["PUT", BLOCK, {}, ['"seconds": found nothing', SECONDS(2_592_000)]],
    ["PUT", BLOCK, { seconds: 0 }, ['"seconds": found 0', SECONDS(2_592_000)]],
    ["PUT", BLOCK, { seconds: -5 }, ['"seconds": found -5', SECONDS(2_592_000)]],
    ["PUT", BLOCK, { seconds: 2_592_001 }, ['"seconds": found 2592001', SECONDS(2_592_000)]],
    ["PUT", BLOCK, { seconds: 60, until: 5 }, ['"until": found 5; there is no such field']],
    ["PUT", BLOCK, { seconds: 60, limit: 5 }, ['"limit": found 5; there is no such field']],
    ["PUT", BLOCK, "x".repeat(300_000), ["more than 262144 bytes"]],
    ["PUT", OVERRIDE, "null", ["an override: found nothing; allowed is an object"]],
    ["PUT", OVERRIDE, { limit: 5 }, ['"seconds": found nothing', SECONDS(7_776_000)]],
    ["PUT", OVERRIDE, { seconds: 5 }, ['"limit": found nothing', COST]],
    ["PUT", OVERRIDE, { limit: 0, seconds: 5 }, ['"limit": found 0', COST]],
    ["PUT", OVERRIDE, { limit: null, seconds: 5 }, ['"limit": found null', COST]],
    ["PUT", OVERRIDE, { limit: 5, seconds: 7_776_001 }, ['"seconds": found 7776001', SECONDS(7_776_000)]],
    // More than an owner can count in whole numbers over so long a window.
    [
      "PUT",
      OVERRIDE,
      { limit: 1_000_000_000, seconds: 5 },
      ['"limit": found 1000000000', "is at most 868749"],
    ],
    ["GET", `/v1/keys/ip/${"x".repeat(1_025)}`, undefined, [KEY]],
    ["GET", "/v1/keys/ip/%", undefined, ["the path: found an escape that is no UTF-8", "encodeURIComponent"]],
    ["DELETE", "/v1/keys/ip/%ff%fe", undefined, ["the path: found an escape that is no UTF-8"]],
    ["PUT", "/v1/blocks/%c3/a", { seconds: 5 }, ["the path: found an escape that is no UTF-8"]],
    ["GET", "/v1/claims?rule=ip&rule=plans", undefined, ['the query, "rule": found a list of 2', NAME]],
  ])("%s %s refuses %o", async (method, path, body, says) => {
    expectProblem(await callApi(cluster, method, path, body), 400, says);
  });

  it.each([
    ["GET", "/v1/keys/nowhere/a"],
    ["DELETE", "/v1/keys/nowhere/a"],
    ["PUT", "/v1/blocks/nowhere/a"],
    ["DELETE", "/v1/blocks/nowhere/a"],
    ["PUT", "/v1/overrides/nowhere/a"],
    ["DELETE", "/v1/overrides/nowhere/a"],
    ["GET", "/v1/claims?rule=nowhere"],
    ["GET", "/v1/claims?rule="],
  ])("%s %s knows no such rule", async (method, path) => {
    const body =
      method === "PUT" ? { seconds: 5, ...(path.includes("overrides") && { limit: 5 }) } : undefined;
    expectProblem(await callApi(cluster, method, path, body), 404, ["found rule", "the rules are ip, plans"]);
  });

  it("leave no line in the log, and nothing changed, when they are refused", async () => {
    const { body } = await callApi(cluster, "GET", "/v1/keys/ip/a");
    expect(body).toMatchObject({ accounts: [{ epoch: 0, count: 0, blockedUntil: null, override: null }] });
    expect(audits(lines)).toEqual([]);
    expect(lines.filter((line) => line.includes("fault"))).toEqual([]);
  });
});

describe("a path or a method that there is not", () => {
  it.each([
    ["GET", ""],
    ["GET", "/"],
    ["GET", "//[/"],
    ["GET", "//x/v1/rules"],
    ["GET", "/v1"],
    ["GET", "/v1/"],
    ["GET", "/v1/keys/ip"],
    ["GET", "/v1/keys/ip/"],
    ["GET", "/v1//rules"],
    ["GET", "/v2/rules"],
    ["GET", "/v1/limit"],
    ["POST", "/v1/rules"],
    ["DELETE", "/v1/claims"],
    ["PATCH", "/v1/blocks/ip/a"],
    ["OPTIONS", "/v1/limit"],
  ])("%s %s is 404, and says what there is", async (method, path) => {
    const says = [`found ${method} ${JSON.stringify(path)}`, "POST /v1/limit", "PUT /v1/blocks/:rule/:key"];
    expectProblem(await callApi(cluster, method, path, undefined, { pop: "LHR" }), 404, says);
  });

  it("is not the page's, where there is no API: that port has the cluster's own paths, too", async () => {
    expect((await fetch(`${cluster.url}/`)).status).toBe(200);
    expect((await fetch(`${cluster.url}/v1/rules`)).status).toBe(404);
    expect((await fetch(`${cluster.pops[0]?.url}/_onecountx/v1/rules`)).status).toBe(200);
  });
});
