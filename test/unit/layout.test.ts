/** What the layout promises and neither the compiler nor the linter can see. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = new URL("../..", import.meta.url).pathname;

const filesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file));

/** The project's own files that a file imports, from the project's root; packages by their names. */
const importsOf = (file: string): string[] =>
  Array.from(
    readFileSync(join(ROOT, file), "utf8").matchAll(/^(?:import|export|\}) ?[^"`]*from "([^"]+)";$/gm),
    ([, target = ""]) => (target.startsWith(".") ? normalize(join(dirname(file), target)) : target),
  );

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");

describe("the core", () => {
  it.each(filesIn("shared"))("%s imports nothing but the core and pure packages", (file) => {
    const foreign = importsOf(file).filter(
      (target) =>
        !target.startsWith("shared/") && !["valibot", "ipaddr.js", "msgpackr/index-no-eval"].includes(target),
    );
    expect(foreign).toEqual([]);
  });

  it.each(filesIn("shared"))("%s has nothing asynchronous", (file) => {
    expect(withoutComments(readFileSync(join(ROOT, file), "utf8"))).not.toMatch(/\basync\b/);
  });
});

describe("the shells", () => {
  it.each(filesIn("worker"))(
    "%s takes nothing but types from coordinator, except the entry that exports the classes",
    (file) => {
      const text = readFileSync(join(ROOT, file), "utf8");
      const values = Array.from(text.matchAll(/^(?:import|export) (?!type)[^;]*from "\.\.\/coordinator/gm));
      expect(values.length).toBe(file === "worker/index.ts" ? 2 : 0);
    },
  );

  it.each(filesIn("coordinator"))("%s takes nothing but types from worker", (file) => {
    const text = readFileSync(join(ROOT, file), "utf8");
    expect(text).not.toMatch(/^import (?!type)[^;]*from "\.\.\/worker/m);
  });

  it.each([...filesIn("worker"), ...filesIn("coordinator")])(
    "%s knows nothing of the cluster or the tests",
    (file) => {
      expect(importsOf(file).filter((target) => /^(loadtest|test)\//.test(target))).toEqual([]);
    },
  );
});

describe("the lockfile", () => {
  const text = readFileSync(join(ROOT, "package-lock.json"), "utf8");
  const { packages } = JSON.parse(text) as { packages: Record<string, Record<string, unknown>> };

  it("lets an older npm and Node install every platform package (else: npm run lockfile)", () => {
    const refused = Object.entries(packages).filter(
      ([, { optional, cpu, engines }]) => optional && cpu && engines,
    );
    expect(refused.map(([name]) => name)).toEqual([]);
  });

  it("names no registry host", () => {
    expect(text).not.toContain('"resolved"');
  });
});
