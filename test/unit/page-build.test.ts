/** The live page as it is built: small, whole, and without a word to anybody else. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cityOf } from "../../loadtest/cluster/cities.ts";
import { pageInfo } from "../../loadtest/cluster/page-info.ts";
import { DEFAULT_POPS, resolvePops } from "../../loadtest/cluster/pops.ts";
import { buildPage } from "../../package/page.ts";
import { parseRules } from "../../shared/rule.ts";

/** What a browser has to fetch, compressed. */
const GZIP_BYTES_MAX = 250_000;

const folder = mkdtempSync(join(tmpdir(), "onecount-page-"));
beforeAll(async () => void (await buildPage(folder)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("weighs no more than 250 KB with all its files, compressed", () => {
  const files = readdirSync(folder);
  expect(files.sort()).toEqual(["cluster.json", "icon.svg", "index.html", "page.css", "page.js"]);
  const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file))).length, 0);
  expect(bytes).toBeLessThan(GZIP_BYTES_MAX);
});

it("fetches nothing from elsewhere, and has neither scripts nor styles of its own in the document", () => {
  const html = readFileSync(join(folder, "index.html"), "utf8");
  const urls = Array.from(html.matchAll(/(?:src|href)="([^"]*)"/g), ([, url]) => url);
  expect(urls.every((url) => url?.startsWith("./"))).toBe(true);
  expect(html).not.toMatch(/<style|style=|<script>| on\w+=/);
  expect(readFileSync(join(folder, "page.css"), "utf8")).not.toMatch(/url\(|@import/);
  expect(readFileSync(join(folder, "page.js"), "utf8")).not.toMatch(/\beval\(|new Function\(|\.innerHTML/);
});

it("knows where each city of the cluster is, under every name that it goes by", () => {
  const script = readFileSync(join(folder, "page.js"), "utf8");
  for (const code of ["LHR", "CHI", "TYO", "SYD"])
    expect(script).toContain(`${code}:["${cityOf(code)?.name}",`);
});

const pops = resolvePops(DEFAULT_POPS).map((pop) => ({ ...pop, url: "http://127.0.0.1:1" }));
const slideOf = (...rules: object[]) => {
  const parsed = parseRules(rules);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return pageInfo(pops, parsed.rules, "t").slide;
};
const SUITS = { name: "a", match: { path: "/a" }, limit: 20, window: "1m", threshold: 4 };

it.each([
  [{ limit: 60 }],
  [{ threshold: 5 }],
  [{ threshold: 1 }],
  [{ limit: 7 }],
  [{ window: "10s" }],
  [{ algorithm: "token-bucket" }],
  [{ mode: "shadow" }],
  [{ align: "clock" }],
  [{ key: ["header:x-api-key"] }],
  [{ match: { path: "/:id" } }],
  [{ match: { path: "/a", headers: { "x-a": "1" } } }],
])("plays no slide with a rule that has %j, and says what it takes", (part) => {
  expect(slideOf({ ...SUITS, ...part })).toContain("None of these rules is one");
});

it("plays the slide with the rule of the lowest limit, at a path that it covers", () => {
  const lower = { ...SUITS, name: "b", match: { path: "/b/*", methods: ["POST"] }, limit: 10 };
  expect(slideOf(SUITS, lower)).toEqual({
    rule: "b",
    method: "POST",
    path: "/b/",
    isByAddress: true,
    limit: 10,
    threshold: 4,
  });
});
