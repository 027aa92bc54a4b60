/** The README's own words, from an empty folder to the first 429. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, inject, it } from "vitest";
import { bin, type Dev, dev, run } from "./tools.ts";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

/** The code blocks of a section, by their order. */
function blocksOf(heading: string): { language: string; code: string }[] {
  const [, section = ""] = README.split(`\n## ${heading}\n`);
  const [own = ""] = section.split("\n## ");
  return Array.from(own.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, language = "", code = ""]) => ({
    language,
    code,
  }));
}

const folder = mkdtempSync(join(tmpdir(), "onecount-readme-"));
let site: Dev | undefined;
afterAll(async () => {
  await site?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("what stands under “Add it to a Worker” works as it stands there", async () => {
  const [install, code, config, start, curl] = blocksOf("Add it to a Worker");
  expect([install, code, config, start, curl].map((block) => block?.language)).toEqual([
    "sh",
    "ts",
    "toml",
    "sh",
    "sh",
  ]);

  // The tarball in place of what the registry has; wrangler as it is installed here.
  expect(install?.code).toBe("npm init -y\nnpm install onecount\nnpm install --save-dev wrangler\n");
  expect((await run(folder, "npm", "init", "-y")).code).toBe(0);
  expect(await run(folder, "npm", "install", "--offline", inject("tarball"))).toMatchObject({ code: 0 });
  symlinkSync(bin("wrangler"), join(folder, "node_modules/.bin/wrangler"));

  mkdirSync(join(folder, "src"));
  writeFileSync(join(folder, "src/index.ts"), code?.code ?? "");
  writeFileSync(join(folder, "wrangler.toml"), config?.code ?? "");
  expect(await run(folder, "npx", "onecount", "check")).toMatchObject({ code: 0, stderr: "" });

  const [command = "", ...args] = (start?.code ?? "").trim().split(" ");
  site = await dev(folder, command, ...args);
  const { stdout } = await run(
    folder,
    "sh",
    "-c",
    (curl?.code ?? "").replace("http://localhost:8787", site.url),
  );
  expect(stdout.trim().split(" ")).toEqual(["200", "200", "200", "200", "200", "429", "429"]);
});
