/** The package itself: what is in it, what it needs, and what its users' compilers and runtimes make of it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { bin, exampleOf, projectOf, run } from "./tools.ts";

const installed = (): string => join(inject("projects"), "node_modules/onecount");
const files = (): string[] =>
  readdirSync(installed(), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed().length + 1));

describe("the package", () => {
  it("holds what is built and what is to be read, and no TypeScript but declarations", () => {
    const others = files().filter((file) => !/^dist\/.*\.(js|js\.map|d\.ts)$/.test(file));
    expect(others.toSorted()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist/LICENSES.txt",
      ...["cluster.json", "icon.svg", "index.html", "page.css"].map((file) => `dist/page/${file}`),
      "package.json",
      "schema/rules.schema.json",
    ]);
    // The page's is read in browsers alone.
    const scripts = files().filter((file) => file.endsWith(".js") && !file.startsWith("dist/page/"));
    for (const script of scripts) expect(files()).toContain(`${script}.map`);
  });

  it("brings no other package with it, and passes on the licences of what is bundled", () => {
    const names = readdirSync(join(inject("projects"), "node_modules"));
    expect(names).not.toContain("valibot");
    const licences = readFileSync(join(installed(), "dist/LICENSES.txt"), "utf8");
    for (const bundled of ["valibot", "msgpackr", "ipaddr.js", "itty-router"])
      expect(licences).toContain(`${bundled}\n\n`);
  });

  it("imports nothing but itself, the platform's module, and for the command what Node has", () => {
    const imported = files()
      .filter((file) => file.endsWith(".js"))
      .flatMap((file) =>
        Array.from(
          readFileSync(join(installed(), file), "utf8").matchAll(/^(?:import|export) .*?"([^"]+)";$/gm),
          ([, target = ""]) => target.replace(/^\.\/.*/, "itself").replace(/^node:.*/, "Node"),
        ),
      );
    expect(Array.from(new Set(imported)).toSorted()).toEqual(["Node", "cloudflare:workers", "itself"]);
  });

  it("has a file behind each of its exports", () => {
    const { exports, bin: bins } = JSON.parse(readFileSync(join(installed(), "package.json"), "utf8"));
    const targets = [...Object.values(exports), ...Object.values(bins)].flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target as object),
    ) as string[];
    for (const target of targets) expect([...files(), "."]).toContain(join(target));
  });
});

const NODE = { "package.json": '{ "type": "module" }' };
const STRICT = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022", "--lib", "es2022"];

describe("the client", () => {
  const CLIENT = `
    import { admittedOr, RateLimiterClient } from "onecount/client";
    const limiter = new RateLimiterClient({ url: "http://127.0.0.1:1/_onecount", token: "t", fetch });
    const outcome = await limiter.limit({ rule: "login", key: "ip=203.0.113.9" });
    // @ts-expect-error a failure has no quota, and a denial is no failure
    outcome.remaining;
    console.log(outcome.kind, admittedOr(outcome, "open"));
  `;

  it("runs in Node, and compiles there without the types of Workers", async () => {
    const folder = projectOf("client", { ...NODE, "service.mts": CLIENT });
    const options = [...STRICT, "--module", "nodenext", "--types", "node", "service.mts"];
    expect(await run(folder, bin("tsc"), ...options)).toMatchObject({ code: 0, stdout: "" });
    expect(await run(folder, process.execPath, "service.mts")).toMatchObject({ stdout: "failed true\n" });
  });
});

describe("a Worker's project", () => {
  it("compiles with the types that `wrangler types` makes, and with an Env and handlers of its own", async () => {
    const folder = exampleOf("plain", "generated-types");
    const generated = await run(folder, bin("wrangler"), "types");
    expect(generated).toMatchObject({ code: 0 });
    const options = ["--ignoreConfig", ...STRICT, "--module", "esnext", "--moduleResolution", "bundler"];
    const typed = projectOf("generated-types/more", {
      "typed.ts": `
        import { type RateLimitEnv, withRateLimit } from "onecount";
        export { default } from "onecount/worker";
        const handler = {
          async fetch(request, env, ctx) {
            ctx.waitUntil(Promise.resolve());
            const read: RateLimitEnv = env;
            return new Response(request.url + read.RULES);
          },
          async queue(batch) { void batch.messages[0]?.body.id; },
        } satisfies ExportedHandler<Env, { id: string }>;
        export const wrapped = withRateLimit(handler, {
          onDenied: ({ rule, status }, request, env) => new Response(rule + request.url + env.RULES, { status }),
        });
        export const bare = withRateLimit((request: Request, env: Env) => new Response(request.url + env.RULES));
      `,
    });
    const compiled = await run(
      folder,
      bin("tsc"),
      ...options,
      "src/index.ts",
      "worker-configuration.d.ts",
      join(typed, "typed.ts"),
    );
    expect(compiled).toMatchObject({ code: 0, stdout: "" });
  });
});

describe("onecount/worker", () => {
  it("is a whole Worker, by a line of its own", async () => {
    const text = 'export * from "onecount/worker";\nexport { default } from "onecount/worker";\n';
    const folder = exampleOf("plain", "whole-worker");
    writeFileSync(join(folder, "src/index.ts"), text);
    const deployed = await run(folder, bin("wrangler"), "deploy", "--dry-run", "--outdir", "out");
    expect([deployed.code, deployed.stderr]).toEqual([0, ""]);
    expect(readFileSync(join(folder, "out/index.js"), "utf8")).toContain("_onecount");
  });
});

describe("the command", () => {
  const onecount = (...args: string[]) => run(inject("projects"), "npx", "onecount", ...args);

  it("says what it can do", async () => {
    expect(await onecount("--help")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("check [FILE]"),
    });
  });

  it.each([
    ["an unknown command", ["chek"], 'onecount: unknown command "chek" (see --help)\n'],
    ["no command", [], "onecount: no command (see --help)\n"],
    ["no file", ["check"], "onecount: cannot read wrangler.toml: there is no such file\n"],
    ["an unknown option", ["check", "--frobnicate"], expect.stringContaining("--frobnicate")],
  ])("refuses %s in one line", async (_what, args, stderr) => {
    expect(await onecount(...args)).toMatchObject({ code: 1, stdout: "", stderr });
  });
});
