/** The live page: who gets it, from where, and what a browser may do with it. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const ADMIN_TOKEN = "correct horse battery staple";
const RULES = [ruleOf()];

afterEach(() => vi.restoreAllMocks());

/** All that a client can see of an answer. */
async function seen(response: Response): Promise<unknown> {
  // A file is long: its beginning tells it from a problem.
  return [response.status, [...response.headers], (await response.text()).slice(0, 200)];
}

describe("with a token set and its files bound", () => {
  it("is below the API's prefix, and names its files relative to itself", async () => {
    const worker = await freshWorker({ RULES, ADMIN_TOKEN });
    const page = await worker.fetch("/_onecount/live/");
    expect([page.status, page.headers.get("Content-Type")]).toEqual([200, "text/html; charset=utf-8"]);
    const text = await page.text();
    const files = Array.from(text.matchAll(/(?:src|href)="([^"]+)"/g), ([, file = ""]) => file);
    expect(files.length).toBeGreaterThan(2);
    for (const file of new Set(files)) {
      expect(file).toMatch(/^\.\/[\w.-]+$/);
      expect([file, (await worker.fetch(`/_onecount/live/${file.slice(2)}`)).status]).toEqual([file, 200]);
    }
  });

  it("asks no owner and no hub, and needs no token, for it holds no figures", async () => {
    const worker = await freshWorker({ RULES, ADMIN_TOKEN });
    expect((await worker.fetch("/_onecount/live/page.js")).status).toBe(200);
    expect([worker.ownerCalls(), worker.hubCalls()]).toEqual([0, 0]);
  });

  it("may run, draw and talk to nothing but its own, and be framed by nobody", async () => {
    const worker = await freshWorker({ RULES, ADMIN_TOKEN });
    for (const file of ["", "page.js", "page.css", "icon.svg"]) {
      const { headers } = await worker.fetch(`/_onecount/live/${file}`);
      const policy = headers.get("Content-Security-Policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    }
  });

  it("is told again only when it changed", async () => {
    const worker = await freshWorker({ RULES, ADMIN_TOKEN });
    const first = await worker.fetch("/_onecount/live/page.js");
    const headers = { "If-None-Match": first.headers.get("ETag") ?? "" };
    expect(first.headers.get("Cache-Control")).toBe("no-cache");
    expect((await worker.fetch("/_onecount/live/page.js", { headers })).status).toBe(304);
  });

  it("is led to from the same path without a slash", async () => {
    const worker = await freshWorker({ RULES, ADMIN_TOKEN, API_PREFIX: "/x" });
    const answer = await worker.fetch("/x/live");
    expect([answer.status, answer.headers.get("Location")]).toEqual([308, "http://localhost/x/live/"]);
    expect((await worker.fetch("/x/live/")).status).toBe(200);
  });

  it("takes no path from the site: its files are nowhere else, and nowhere without a prefix", async () => {
    const ORIGIN = { fetch: async () => new Response("origin") };
    const worker = await freshWorker({ RULES, ADMIN_TOKEN, ORIGIN });
    for (const path of ["/", "/page.js", "/index.html", "/live/", "/_onecountx/live/"])
      expect([path, await (await worker.fetch(path)).text()]).toEqual([path, "origin"]);
    const bare = await freshWorker({ RULES, ADMIN_TOKEN, ORIGIN, API_PREFIX: "" });
    for (const path of ["/live", "/live/", "/live/page.js"])
      expect([path, await (await bare.fetch(path)).text()]).toEqual([path, "origin"]);
  });
});

describe("where there is none", () => {
  it.each([
    ["no token is set", { ADMIN_TOKEN: undefined }],
    ["a blank token is set", { ADMIN_TOKEN: " " }],
    ["its files are not bound", { ADMIN_TOKEN, ASSETS: undefined }],
  ])("because %s, its paths answer as one that is none", async (_why, overrides) => {
    const worker = await freshWorker({ RULES, ...overrides });
    const nothing = await seen(await worker.fetch("/_onecount/nothing"));
    for (const path of ["/live", "/live/", "/live/page.js", "/live/index.html"])
      expect([path, await seen(await worker.fetch(`/_onecount${path}`))]).toEqual([path, nothing]);
  });

  it("nor while its files are out of reach", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const ASSETS = { fetch: () => Promise.reject(new Error("out of reach")) };
    const worker = await freshWorker({ RULES, ADMIN_TOKEN, ASSETS });
    const nothing = await seen(await worker.fetch("/_onecount/nothing"));
    expect(await seen(await worker.fetch("/_onecount/live/"))).toEqual(nothing);
  });

  it("nor for a file that it has not, another method, or a way out of its folder", async () => {
    expect(env.ASSETS).toBeDefined();
    const worker = await freshWorker({ RULES, ADMIN_TOKEN });
    const nothing = await seen(await worker.fetch("/_onecount/nothing"));
    for (const path of ["/live/none.js", "/live/../page.js", "/live//page.js", "/live/%2e%2e/page.js"])
      expect([path, await seen(await worker.fetch(`/_onecount${path}`))]).toEqual([path, nothing]);
    expect(await seen(await worker.fetch("/_onecount/live/", { method: "POST" }))).toEqual(nothing);
  });
});
