/** Each example, with the package as it is published, as its people would use it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bin, type Dev, dev, exampleOf, run } from "./tools.ts";

const PATHS = { plain: "/hello", itty: "/hello/ann", hono: "/hello/ann" } as const;
const BODIES = { plain: "hello from /hello\n", itty: '{"hello":"ann"}', hono: "hello ann\n" } as const;
const NAMES = Object.keys(PATHS) as (keyof typeof PATHS)[];

const timeLeft = (headers: Headers | undefined): number =>
  Number(/;t=(\d+)/.exec(headers?.get("RateLimit") ?? "")?.[1]);

const running: Dev[] = [];
afterAll(() => Promise.all(running.map(({ stop }) => stop())));

// They take seconds to start, and mostly wait.
describe.concurrent.each(NAMES)("the example %s", (name) => {
  it("compiles with the strictest look at declarations, however imports are resolved", async () => {
    const folder = exampleOf(name, `${name}-types`);
    const compile = (...options: string[]) => run(folder, bin("tsc"), "-p", ".", ...options);
    expect(await compile()).toMatchObject({ code: 0, stdout: "" });
    const node16 = await compile("--module", "nodenext", "--moduleResolution", "nodenext");
    expect(node16).toMatchObject({ code: 0, stdout: "" });
  });

  it("is deployable", async () => {
    const folder = exampleOf(name, `${name}-deploy`);
    const deployed = await run(folder, bin("wrangler"), "deploy", "--dry-run", "--outdir", "out");
    expect([deployed.code, deployed.stderr]).toEqual([0, ""]);
    expect(existsSync(join(folder, "out/index.js"))).toBe(true);
  });

  it("has rules that `onecount check` finds good", async () => {
    const checked = await run(exampleOf(name, `${name}-check`), "npx", "onecount", "check");
    expect(checked).toMatchObject({ code: 0, stderr: "" });
    expect(checked.stdout).toContain("at most 5 in every window of 1m worldwide");
  });

  it("limits in `wrangler dev`, and tells of it", async ({ expect }) => {
    const site = await dev(exampleOf(name, `${name}-dev`), bin("wrangler"), "dev");
    running.push(site);
    const get = async (ip: string) => {
      const response = await fetch(site.url + PATHS[name], { headers: { "CF-Connecting-IP": ip } });
      return { status: response.status, headers: response.headers, body: await response.text() };
    };
    // A client whose window does not end meanwhile.
    const seen: Awaited<ReturnType<typeof get>>[] = [];
    let client = "";
    for (let tried = 1; !(timeLeft(seen[0]?.headers) > 10); tried += 1) {
      client = `203.0.113.${tried}`;
      seen.splice(0, 1, await get(client));
    }
    while (seen.length < 7) seen.push(await get(client));
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429, 429]);
    expect(seen[0]?.body).toBe(BODIES[name]);
    for (const { headers } of seen) {
      expect(headers.get("RateLimit-Policy")).toBe('"site";q=5;w=60');
      expect(headers.get("RateLimit")).toMatch(/^"site";r=\d;t=\d+$/);
    }
    const denied = seen[5];
    expect(Number(denied?.headers.get("Retry-After"))).toBeGreaterThan(0);
    const body: unknown = JSON.parse(denied?.body ?? "");
    expect(body).toMatchObject(name === "hono" ? { error: "slow down" } : { title: "Quota exceeded" });
    await site.stop();
    expect(site.printed()).not.toContain("limiter-fault");
  });
});

it("the examples ask for the versions that they are tried with", () => {
  const read = (file: string) => JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"));
  const own = read("package.json");
  for (const name of NAMES) {
    const { dependencies, devDependencies } = read(`examples/${name}/package.json`);
    expect(dependencies.onecount).toBe(`^${own.version}`);
    for (const [wanted, range] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (wanted === "onecount") continue;
      const major = /\d+/.exec(String(own.devDependencies[wanted]))?.[0];
      expect([wanted, /\d+/.exec(String(range))?.[0]]).toEqual([wanted, major]);
    }
  }
});
