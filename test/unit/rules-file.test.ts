/** `npm run rules`: TOML that people write becomes the JSON that the Worker bundles, or nothing is written. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

const SCRIPT = new URL("../../loadtest/check-rules/rules-file.ts", import.meta.url).pathname;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "onecount-rules-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("writes the rules of rules.toml to rules.json", () => {
  writeFileSync(join(folder, "rules.toml"), '# log-ins\n[[rules]]\nname = "a"\nlimit = 5\nwindow = "1m"\n');
  const said = execFileSync(process.execPath, [SCRIPT], { cwd: folder, encoding: "utf8" });
  expect(said).toBe("rules.json: 1 rules of rules.toml\n");
  const written: unknown = JSON.parse(readFileSync(join(folder, "rules.json"), "utf8"));
  expect(written).toEqual({ rules: [{ name: "a", limit: 5, window: "1m" }] });
});

it.each([
  ['[[rules]]\nname = "a"\nlimit = 0\nwindow = "1m"\n', 'rules.toml:3:1: rule "a", limit: found 0'],
  ['[[rules]]\nname = "a\n', "rules.toml, line 2"],
])("writes nothing for %j, and says why", (text, why) => {
  writeFileSync(join(folder, "rules.toml"), text);
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT], { cwd: folder, encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toContain(why);
  expect(existsSync(join(folder, "rules.json"))).toBe(false);
});
