import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { configure } from "../../worker/config.ts";
import type { Env } from "../../worker/env.ts";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const decision = (response: Response): string => response.headers.get("x-onecount") ?? "";

describe("the Worker", () => {
  it("admits quiet clients without calling any owner, and opens one watch for all of them", async () => {
    const worker = await freshWorker({ RULES: [ruleOf()] });
    for (const ip of ["203.0.113.1", "203.0.113.2", "203.0.113.1", "203.0.113.2"]) {
      const response = await worker.fetch("/", { ip });
      expect([response.status, decision(response)]).toEqual([200, "decision=credit; pop=local; rule=test"]);
    }
    expect(worker.ownerCalls()).toBe(0);
    expect(worker.hubCalls()).toBe(1);
  });

  it("asks the owner from the threshold on, admits exactly the limit, then denies without asking", async () => {
    const worker = await freshWorker({ RULES: [ruleOf()] });
    const answers: [number, string][] = [];
    for (let request = 1; request <= 8; request += 1) {
      const response = await worker.fetch("/");
      answers.push([response.status, decision(response).split(";")[0] ?? ""]);
    }
    expect(answers).toEqual([
      [200, "decision=credit"],
      [200, "decision=credit"],
      [200, "decision=owner"],
      [200, "decision=owner"],
      [200, "decision=owner"],
      [429, "decision=owner"],
      [429, "decision=blocked"],
      [429, "decision=blocked"],
    ]);
    expect(worker.ownerCalls()).toBe(4);
  });

  it("counts down r to 0 on the last admitted request, and keeps it there", async () => {
    const worker = await freshWorker({ RULES: [ruleOf()] });
    const left: (string | undefined)[] = [];
    for (let request = 1; request <= 7; request += 1) {
      const response = await worker.fetch("/");
      left.push(/;r=(\d+);/.exec(response.headers.get("RateLimit") ?? "")?.[1]);
    }
    expect(left).toEqual(["4", "3", "2", "1", "0", "0", "0"]);
  });

  it("tells a denied client the policy, what is left, when to come back, and why", async () => {
    const worker = await freshWorker({ RULES: [ruleOf({ limit: 1, threshold: 1 })] });
    await worker.fetch("/");
    const response = await worker.fetch("/");
    expect(response.status).toBe(429);
    expect(response.headers.get("RateLimit-Policy")).toBe('"test";q=1;w=2592000');
    const t = /^"test";r=0;t=(\d+)$/.exec(response.headers.get("RateLimit") ?? "")?.[1];
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThanOrEqual(Number(t));
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(await response.json()).toEqual({
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
      title: "Quota exceeded",
      status: 429,
      detail: '"test" admits 1 in 30d.',
      "violated-policies": ["test"],
    });
  });

  it("says nothing of quotas where no rule matches", async () => {
    const worker = await freshWorker({ RULES: [ruleOf({ match: { path: "/login" } })] });
    const response = await worker.fetch("/about");
    expect(decision(response)).toBe("decision=unlimited; pop=local");
    expect(response.headers.has("RateLimit")).toBe(false);
  });

  it("takes from every rule that matches or from none", async () => {
    const rules = [
      ruleOf({ name: "wide", limit: 100, threshold: 50 }),
      ruleOf({ name: "narrow", limit: 1, threshold: 1 }),
    ];
    const worker = await freshWorker({ RULES: rules });
    await worker.fetch("/");
    for (let request = 0; request < 3; request += 1) {
      const response = await worker.fetch("/");
      expect(response.status).toBe(429);
      expect(response.headers.get("RateLimit")).toMatch(/^"wide";r=99;t=\d+, "narrow";r=0;t=\d+$/);
    }
  });

  it("asks a second owner about the client that waited for the first, whoever came meanwhile", async () => {
    const rules = [
      ruleOf({ name: "wide", limit: 100, threshold: 1 }),
      ruleOf({ name: "narrow", limit: 1, threshold: 1 }),
    ];
    const worker = await freshWorker({ RULES: rules });
    const ips = ["203.0.113.1", "2001:db8::1", "203.0.113.2", "203.0.113.3"];
    const once = await Promise.all(ips.map((ip) => worker.fetch("/", { ip })));
    expect(once.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const again = await Promise.all(ips.map((ip) => worker.fetch("/", { ip })));
    expect(again.map(({ status }) => status)).toEqual([429, 429, 429, 429]);
  });

  it("counts under shadow as it would when enforcing, but denies nothing and tells the client nothing", async () => {
    const worker = await freshWorker({ RULES: [ruleOf({ limit: 1, threshold: 1, mode: "shadow" })] });
    await worker.fetch("/");
    const response = await worker.fetch("/");
    expect(response.status).toBe(200);
    expect(decision(response)).toBe("decision=owner; pop=local; rule=test");
    expect(response.headers.has("RateLimit")).toBe(false);
  });

  it("denies nothing while ENFORCE is false", async () => {
    const worker = await freshWorker({ RULES: [ruleOf({ limit: 1, threshold: 1 })], ENFORCE: "false" });
    await worker.fetch("/");
    expect((await worker.fetch("/")).status).toBe(200);
  });

  it("hands admitted requests to ORIGIN, body and all", async () => {
    const ORIGIN = {
      fetch: async (request: Request) => new Response(`origin got ${await request.text()}`, { status: 201 }),
    };
    const worker = await freshWorker({ RULES: [ruleOf()], ORIGIN });
    const response = await worker.fetch("/", { method: "POST", body: "hello" });
    expect([response.status, await response.text()]).toEqual([201, "origin got hello"]);
    expect(response.headers.has("RateLimit")).toBe(true);
  });

  it("answers 508 to a request that comes back to the Worker that sent it", async () => {
    let back: Response | undefined;
    const ORIGIN = {
      fetch: async (request: Request) => {
        back = await worker.fetch("/", { headers: request.headers });
        return new Response("origin");
      },
    };
    const worker = await freshWorker({ RULES: [ruleOf()], ORIGIN });
    await worker.fetch("/");
    expect(back?.status).toBe(508);
    // Nobody outside can compute the mark.
    expect((await worker.fetch("/", { headers: { "x-onecount-loop": "guess" } })).status).toBe(200);
  });
});

describe("a rule that is changed and deployed again", () => {
  const exhaust = async (overrides: Record<string, unknown>) => {
    const worker = await freshWorker(overrides);
    await worker.fetch("/");
    return (await worker.fetch("/")).status;
  };

  it("inherits neither counts nor blocks of what it was, and keeps them when only its name moved", async () => {
    const KEY_SECRET = crypto.randomUUID();
    const rule = ruleOf({ limit: 1, threshold: 1 });
    expect(await exhaust({ KEY_SECRET, RULES: [rule] })).toBe(429);
    const renamed = await freshWorker({ KEY_SECRET, RULES: [{ ...rule, name: "renamed" }] });
    expect((await renamed.fetch("/")).status).toBe(429);
    const changed = await freshWorker({ KEY_SECRET, RULES: [{ ...rule, limit: 2 }] });
    expect((await changed.fetch("/")).status).toBe(200);
  });
});

describe("odd requests are decided, never a 500", () => {
  it.each<[string, { ip?: string | null; headers?: Record<string, string>; path?: string }]>([
    ["no client address", { ip: null }],
    ["an IPv6 zone id", { ip: "fe80::1%eth0" }],
    ["an IPv4-mapped address", { ip: "::ffff:203.0.113.9" }],
    ["a list of addresses", { ip: "1.2.3.4, 5.6.7.8" }],
    ["a 10 KB path", { path: `/${"a".repeat(10_240)}` }],
    ["a path that is no UTF-8", { path: "/%ff%fe/%" }],
    ["a malformed header", { headers: { "X-Forwarded-For": "\x01", cookie: ";;;==" } }],
    ["a forged X-Forwarded-For", { headers: { "X-Forwarded-For": "9.9.9.9" } }],
  ])("%s", async (_what, { ip, headers, path }) => {
    const worker = await freshWorker({ RULES: [ruleOf({ limit: 2, threshold: 1 })] });
    const send = () =>
      worker.fetch(path ?? "/", { ...(ip !== undefined && { ip }), ...(headers && { headers }) });
    expect([(await send()).status, (await send()).status, (await send()).status]).toEqual([200, 200, 429]);
  });

  it("counts an IPv4-mapped address as its IPv4", async () => {
    const worker = await freshWorker({ RULES: [ruleOf({ limit: 1, threshold: 1 })] });
    await worker.fetch("/", { ip: "::ffff:203.0.113.9" });
    expect((await worker.fetch("/", { ip: "203.0.113.9" })).status).toBe(429);
  });
});

describe("a Worker with a fault of its own", () => {
  it("logs it and lets the request pass", async () => {
    const worker = await freshWorker({ RULES: [ruleOf()] });
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const broken = vi.spyOn(Date, "now").mockImplementationOnce(() => {
      throw new Error("no clock");
    });
    const response = await worker.fetch("/");
    broken.mockRestore();
    expect([response.status, log.mock.calls.length]).toEqual([200, 1]);
    log.mockRestore();
  });
});

describe("a Worker that is not configured", () => {
  it("lets requests pass un-limited, and knows every problem at once", async () => {
    const overrides = { RULES: [{ name: "bad", limit: 0, window: "0s" }], KEY_OWNER: undefined };
    const worker = await freshWorker(overrides);
    expect((await worker.fetch("/")).status).toBe(200);
    const config = await configure({ ...env, ...overrides } as unknown as Env);
    expect(config.ok ? [] : config.problems).toEqual([
      expect.stringContaining(
        '[[durable_objects.bindings]]\nname = "KEY_OWNER"\nclass_name = "KeyOwner"\n\n[[migrations]]',
      ),
      expect.stringContaining('rule "bad", limit: found 0; allowed is'),
      expect.stringContaining('rule "bad", window: found "0s"; allowed is'),
    ]);
  });

  it("refuses everything where FAIL_CLOSED_ON_BAD_CONFIG says so", async () => {
    const worker = await freshWorker({ RULES: [], FAIL_CLOSED_ON_BAD_CONFIG: "true" });
    expect((await worker.fetch("/")).status).toBe(503);
  });
});
