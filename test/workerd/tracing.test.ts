/** What traces need: the context of one goes through to the origin, and an answer says what the decision took. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { withRateLimit } from "../../worker/plain.ts";
import { freshSite } from "./fresh-site.ts";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const TRACE = {
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tracestate: "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
};

afterEach(() => {
  vi.restoreAllMocks();
});

/** A Worker before an origin that remembers what it got. */
async function withOrigin(vars: Record<string, unknown>, answer: HeadersInit = {}) {
  const got: Headers[] = [];
  const ORIGIN = {
    fetch: async (request: Request) => {
      got.push(new Headers(request.headers));
      return new Response("from the origin", { headers: answer });
    },
  };
  return { worker: await freshWorker({ ...vars, ORIGIN }), got };
}

describe("the context of a trace", () => {
  it.each([
    ["under a rule", [ruleOf()]],
    ["tagged", [ruleOf({ limit: 1, threshold: 1, action: { kind: "tag" } })]],
    ["under no rule", [ruleOf({ match: { path: "/other" } })]],
  ])("goes to the origin as it came: %s", async (_, RULES) => {
    const { worker, got } = await withOrigin({ RULES });
    for (let sent = 0; sent < 2; sent += 1) await worker.fetch("/", { headers: TRACE });
    for (const headers of got)
      expect([headers.get("traceparent"), headers.get("tracestate")]).toEqual(Object.values(TRACE));
    expect(got.length).toBe(2);
  });
});

describe("SERVER_TIMING = true", () => {
  const on = { SERVER_TIMING: "true" };
  const RULES = [ruleOf({ limit: 3, threshold: 3 })];

  it("says how each request was decided, and in how many ms", async () => {
    const { worker } = await withOrigin({ ...on, RULES });
    const seen: (string | null)[] = [];
    for (let sent = 0; sent < 5; sent += 1) seen.push((await worker.fetch("/")).headers.get("Server-Timing"));
    const decided = (how: string) =>
      expect.stringMatching(new RegExp(`^onecount;desc="${how}";dur=\\d+(\\.\\d)?$`));
    expect(seen).toEqual(["credit", "credit", "owner", "owner", "blocked"].map(decided));
  });

  it("counts the time that an owner takes", async () => {
    const clock = Date.now;
    let ahead = 0;
    vi.spyOn(Date, "now").mockImplementation(() => clock() + ahead);
    const slow = {
      getByName: (name: string) => ({
        ask: async (frame: Uint8Array) => {
          ahead += 1_500;
          return env.KEY_OWNER.getByName(name).ask(frame);
        },
      }),
    };
    const rules = [ruleOf({ threshold: 1, deadline: "10s" })];
    const { worker } = await withOrigin({ ...on, KEY_OWNER: slow, RULES: rules });
    const timing = (await worker.fetch("/")).headers.get("Server-Timing") ?? "";
    expect(Number(/dur=(.*)$/.exec(timing)?.[1])).toBeGreaterThanOrEqual(1_500);
  });

  it("stands beside what the origin says", async () => {
    const { worker } = await withOrigin({ ...on, RULES }, { "Server-Timing": "db;dur=53" });
    const timing = (await worker.fetch("/")).headers.get("Server-Timing");
    expect(timing).toMatch(/^db;dur=53, onecount;desc="credit";dur=\d/);
  });

  it("works in a middleware, beside a site's own answer to what is denied", async () => {
    const onDenied = () => new Response("no", { status: 420, headers: { "Server-Timing": "own" } });
    const fetch = () => new Response("site", { headers: { "Server-Timing": "site" } });
    const site = withRateLimit({ fetch }, { rules: [ruleOf({ limit: 1, threshold: 1 })], onDenied });
    const { fetch: send } = freshSite((...call) => site.fetch(call[0] as never, call[1], call[2]), on);
    const seen = [await send(), await send()].map(({ headers }) => headers.get("Server-Timing"));
    expect(seen[0]).toMatch(/^site, onecount;desc="owner";dur=\d/);
    expect(seen[1]).toMatch(/^own, onecount;desc="owner";dur=\d/);
  });

  it("is off unless it is asked for", async () => {
    const { worker } = await withOrigin({ RULES });
    expect((await worker.fetch("/")).headers.has("Server-Timing")).toBe(false);
  });
});
