/** `HEADERS`: which fields tell a client of its quota, on what is admitted and on what is denied. */
import { parseList } from "structured-headers";
import { describe, expect, it } from "vitest";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const DRAFT = ["ratelimit", "ratelimit-policy"];
const LEGACY = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
const RULES = [
  ruleOf({ name: "wide", limit: 100, window: "30d" }),
  ruleOf({ name: "narrow", limit: 2, threshold: 1, window: "20d" }),
  ruleOf({ name: "watched", limit: 1, threshold: 1, mode: "shadow" }),
];

/** The names of the quota's fields. */
const told = ({ headers }: Response): string[] =>
  [...headers.keys()].filter((name) => name.includes("ratelimit")).sort();

describe.each([
  [undefined, DRAFT],
  ["draft-10", DRAFT],
  ["legacy", LEGACY],
  ["both", [...DRAFT, ...LEGACY]],
  ["none", []],
])("HEADERS = %s", (HEADERS, names) => {
  it("tells with these fields and no others, however a request is decided", async () => {
    const worker = await freshWorker({ RULES, HEADERS });
    const seen = [await worker.fetch("/"), await worker.fetch("/"), await worker.fetch("/")];
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 429]);
    for (const response of seen) expect(told(response)).toEqual(names);
  });

  it("tells nothing of quotas where no rule matches, and when to come back wherever it denies", async () => {
    const worker = await freshWorker({
      RULES: [ruleOf({ match: { path: "/a" }, limit: 1, threshold: 1 })],
      HEADERS,
    });
    expect(told(await worker.fetch("/b"))).toEqual([]);
    await worker.fetch("/a");
    expect((await worker.fetch("/a")).headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
  });
});

describe("the fields of before the draft", () => {
  it("are of the quota that is nearest to its end, with its end in seconds since 1970", async () => {
    const worker = await freshWorker({ RULES, HEADERS: "both" });
    for (const left of [1, 0, 0]) {
      const before = Math.floor(Date.now() / 1000);
      const { headers } = await worker.fetch("/");
      expect(headers.get("X-RateLimit-Limit")).toBe("2");
      expect(headers.get("X-RateLimit-Remaining")).toBe(String(left));
      const reset = Number(headers.get("X-RateLimit-Reset"));
      // The same moment as the draft's `t`, which is from now on.
      const members = parseList(headers.get("RateLimit") ?? "");
      const narrow = members.find(([name]) => name === "narrow");
      const t = Number(narrow?.[1].get("t"));
      expect(reset - t).toBeGreaterThanOrEqual(before);
      expect(reset - t).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
    }
  });

  it("are told where the origin has some of its own: the limiter's stand", async () => {
    const ORIGIN = { fetch: async () => new Response("", { headers: { "X-RateLimit-Limit": "7" } }) };
    const worker = await freshWorker({ RULES: [ruleOf({ limit: 5 })], HEADERS: "legacy", ORIGIN });
    expect((await worker.fetch("/")).headers.get("X-RateLimit-Limit")).toBe("5");
  });
});

it("HEADERS of another word is a problem, and nothing is limited", async () => {
  const worker = await freshWorker({ RULES, HEADERS: "draft-6" });
  const response = await worker.fetch("/");
  expect([response.status, told(response)]).toEqual([200, []]);
});
