/** Every kind of key that users of other limiters have, over HTTP: who is one client, and who is another. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../../loadtest/cluster/cluster.ts";
import { newAddress, send } from "../client.ts";
import { on } from "./rules.ts";

const RULES = [
  on("/ip"),
  on("/ipv6-56", { ipv6_prefix: 56 }),
  on("/ipv6-128", { ipv6_prefix: 128 }),
  on("/header", { key: ["header:x-api-key"] }),
  on("/cookie", { key: ["cookie:sid"] }),
  on("/query", { key: ["query:user"] }),
  { ...on("/path"), match: { path: "/path/*" }, key: ["ip", "path"] },
  on("/country", { key: ["country"] }),
  on("/asn", { key: ["asn"] }),
  on("/both", { key: ["ip", "header:x-api-key"] }),
  on("/missing-ip", { key: ["header:x-api-key"], missing: "ip" }),
  on("/missing-skip", { key: ["header:x-api-key"], missing: "skip" }),
  on("/missing-deny", { key: ["header:x-api-key"], missing: "deny" }),
  on("/allow", { allow: ["203.0.113.0/24", "2001:db8:a::/48", "header:x-pass=s3cret"] }),
  on("/deny", { deny: ["198.51.100.0/24", "2001:db8:d::/48", "header:user-agent=BadBot"] }),
  on("/plans", { limits: { by: "header:x-plan", free: 2, pro: 4 } }),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: RULES, distance: 0 });
});
afterAll(() => cluster.stop());

interface Request {
  readonly path: string;
  readonly ip?: string;
  readonly pop?: string;
  readonly headers?: Record<string, string>;
}

async function status({ path, ip = newAddress(), pop = "LHR", headers = {} }: Request): Promise<number> {
  return (await send(cluster, pop, path, ip, { headers })).status;
}

/** The first of each two is admitted, the second is the same client, the third another. */
async function tellsApart(first: Request, second: Request, other: Request): Promise<void> {
  expect([await status(first), await status(second), await status(other)]).toEqual([200, 429, 200]);
}

const withKey = (key: string, path = "/header"): Request => ({ path, headers: { "X-API-Key": key } });

describe("keys", () => {
  it("IP", () =>
    tellsApart(
      { path: "/ip", ip: "203.0.113.1" },
      { path: "/ip", ip: "203.0.113.1", pop: "CDG" },
      { path: "/ip", ip: "203.0.113.2" },
    ));

  it("IP (v6 /64)", () =>
    tellsApart(
      { path: "/ip", ip: "2001:db8:1:1::1" },
      { path: "/ip", ip: "2001:db8:1:1:ffff::2" },
      { path: "/ip", ip: "2001:db8:1:2::1" },
    ));

  it("ipv6_prefix = 56", () =>
    tellsApart(
      { path: "/ipv6-56", ip: "2001:db8:1:100::1" },
      { path: "/ipv6-56", ip: "2001:db8:1:1ff::1" },
      { path: "/ipv6-56", ip: "2001:db8:1:200::1" },
    ));

  it("ipv6_prefix = 128", () =>
    tellsApart(
      { path: "/ipv6-128", ip: "2001:db8::1" },
      { path: "/ipv6-128", ip: "2001:DB8:0::1" },
      { path: "/ipv6-128", ip: "2001:db8::2" },
    ));

  it("header", () => tellsApart(withKey("k1"), withKey("k1"), withKey("k2")));

  it("cookie", () => {
    const withCookie = (Cookie: string): Request => ({ path: "/cookie", headers: { Cookie } });
    return tellsApart(withCookie("sid=a"), withCookie("theme=dark; sid=a"), withCookie("sid=b"));
  });

  it("query", () =>
    tellsApart({ path: "/query?user=7" }, { path: "/query?page=2&user=7" }, { path: "/query?user=8" }));

  it("path", () =>
    tellsApart(
      { path: "/path/a", ip: "203.0.113.3" },
      { path: "/path/A/", ip: "203.0.113.3" },
      { path: "/path/b", ip: "203.0.113.3" },
    ));

  it("country", () =>
    tellsApart(
      { path: "/country", pop: "LHR" },
      { path: "/country", pop: "LHR" },
      { path: "/country", pop: "TYO" },
    ));

  it("ASN", () =>
    tellsApart({ path: "/asn", pop: "CDG" }, { path: "/asn", pop: "CDG" }, { path: "/asn", pop: "CHI" }));

  it("combinations", async () => {
    const ip = newAddress();
    await tellsApart(
      { ...withKey("k1", "/both"), ip },
      { ...withKey("k1", "/both"), ip },
      withKey("k1", "/both"),
    );
    expect(await status({ ...withKey("k2", "/both"), ip })).toBe(200);
  });

  it("custom: see test/cluster/api.test.ts for the API, and below for the key that it names", async () => {
    const limit = (key: string) =>
      fetch(`${cluster.url}/v1/limit`, {
        method: "POST",
        headers: { Authorization: "Bearer local" },
        body: JSON.stringify({ rule: "ip", key }),
      }).then(
        async (answer) => ((await answer.json()) as { decision: { admitted: boolean } }).decision.admitted,
      );
    expect([await limit("user-7"), await limit("user-7"), await limit("user-8")]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe("a request that lacks what is counted by", () => {
  it("missing = ip: is counted by its address", async () => {
    const ip = newAddress();
    await tellsApart({ path: "/missing-ip", ip }, { path: "/missing-ip", ip }, withKey("m1", "/missing-ip"));
  });

  it("missing = skip: is not covered", async () => {
    const ip = newAddress();
    const seen = [];
    for (let sent = 0; sent < 3; sent += 1)
      seen.push((await send(cluster, "LHR", "/missing-skip", ip)).decision);
    expect(seen).toEqual(["unlimited", "unlimited", "unlimited"]);
    await tellsApart(
      withKey("s1", "/missing-skip"),
      withKey("s1", "/missing-skip"),
      withKey("s2", "/missing-skip"),
    );
  });

  it("missing = deny: is refused", async () => {
    expect(await status({ path: "/missing-deny" })).toBe(403);
    expect(await status(withKey("d1", "/missing-deny"))).toBe(200);
  });
});

describe("allow/deny lists", () => {
  it.each<[string, Request]>([
    ["a range", { path: "/allow", ip: "203.0.113.77" }],
    ["an IPv6 range", { path: "/allow", ip: "2001:db8:a:9::1" }],
    ["a header", { path: "/allow", headers: { "X-Pass": "s3cret" } }],
  ])("allow by %s: never counted", async (_, request) => {
    const ip = request.ip ?? newAddress();
    const seen = [];
    for (let sent = 0; sent < 3; sent += 1) seen.push(await status({ ...request, ip }));
    expect(seen).toEqual([200, 200, 200]);
  });

  it.each<[string, Request]>([
    ["a range", { path: "/deny", ip: "198.51.100.77" }],
    ["an IPv6 range", { path: "/deny", ip: "2001:db8:d:9::1" }],
    ["a header", { path: "/deny", headers: { "User-Agent": "BadBot" } }],
  ])("deny by %s: 403 at the first request, at every POP, and no word of coming back", async (_, request) => {
    for (const pop of ["LHR", "CDG", "CHI", "TYO"]) {
      const ip = request.ip ?? newAddress();
      const seen = await send(cluster, pop, request.path, ip, { headers: request.headers ?? {} });
      expect([seen.status, seen.decision, seen.headers.get("Retry-After")]).toEqual([403, "blocked", null]);
    }
  });

  it("whoever is in neither is counted", () =>
    tellsApart(
      { path: "/deny", ip: "198.51.101.1" },
      { path: "/deny", ip: "198.51.101.1" },
      { path: "/deny" },
    ));
});

describe("plans", () => {
  it.each([
    ["free", 2],
    ["pro", 4],
    ["unknown", 1],
    [undefined, 1],
  ])("%s admits %i, and says so", async (plan, limit) => {
    const ip = newAddress();
    const headers: Record<string, string> = plan === undefined ? {} : { "X-Plan": plan };
    const seen = [];
    for (let sent = 0; sent <= limit; sent += 1)
      seen.push(await send(cluster, sent % 2 ? "CDG" : "LHR", "/plans", ip, { headers }));
    expect(seen.map((answer) => answer.status)).toEqual([...Array(limit).fill(200), 429]);
    expect(seen.at(-1)?.headers.get("RateLimit-Policy")).toBe(`"plans";q=${limit};w=2592000`);
  });
});
