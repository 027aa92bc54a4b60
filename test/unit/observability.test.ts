/** The dashboard and the alerts for operators: they can be read, and ask for nothing that is not exported. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { METRICS } from "../../shared/telemetry/openmetrics.ts";

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

const SUFFIXES = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  info: ["_info"],
} as const;
const exported = new Set(METRICS.flatMap(({ name, type }) => SUFFIXES[type].map((suffix) => name + suffix)));

/** The names in an expression that are not exported. */
const unknownIn = (expr: string): string[] =>
  (expr.match(/\bonecount_\w+/g) ?? []).filter((name) => !exported.has(name));

/** Whether every bracket of an expression is closed. */
function isBalanced(expr: string): boolean {
  const open: string[] = [];
  const pairs: Record<string, string> = { ")": "(", "]": "[", "}": "{" };
  for (const character of expr.replace(/"[^"]*"/g, "")) {
    if ("([{".includes(character)) open.push(character);
    if (character in pairs && open.pop() !== pairs[character]) return false;
  }
  return open.length === 0;
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

describe("the Grafana dashboard", () => {
  const dashboard = JSON.parse(read("observability/grafana-dashboard.json")) as {
    readonly panels: readonly Panel[];
  };
  const exprs = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  it("asks for exported metrics alone, in expressions that close what they open", () => {
    expect(exprs.flatMap(unknownIn)).toEqual([]);
    expect(exprs.filter((expr) => !isBalanced(expr))).toEqual([]);
  });

  it("shows every metric", () => {
    const shown = new Set(exprs.join(" ").match(/\bonecount_\w+/g));
    const hidden = METRICS.filter(
      ({ name, type }) => !SUFFIXES[type].some((suffix) => shown.has(name + suffix)),
    );
    expect(hidden.map(({ name }) => name)).toEqual([]);
  });

  it("has panels of different numbers that do not lie on one another", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const overlaps = panels.flatMap(({ gridPos: a, title }, index) =>
      panels
        .slice(index + 1)
        .filter(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)
        .map((other) => `${title} / ${other.title}`),
    );
    expect(overlaps).toEqual([]);
  });
});

interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly severity: string | undefined;
  readonly summary: string | undefined;
}

/** The alerts of the file, as far as YAML is used in it: `promtool check rules` reads it in earnest (`.ci/run`). */
function alertsOf(text: string): Alert[] {
  const [, ...blocks] = text.replace(/>-\n\s+/g, "").split(/^ {6}- alert: /m);
  return blocks.map((block) => {
    const field = (name: string): string | undefined =>
      new RegExp(`^ +${name}: (.*(?:\\n {10,}[^\\s:]+ .*)*)$`, "m").exec(block)?.[1]?.replace(/\s+/g, " ");
    const [name = ""] = block.split("\n");
    return { name, expr: field("expr") ?? "", severity: field("severity"), summary: field("summary") };
  });
}

describe("the Prometheus alerts", () => {
  const text = read("observability/prometheus-alerts.yml");
  const alerts = alertsOf(text);

  it("ask for exported metrics alone, in expressions that close what they open", () => {
    expect(alerts.length).toBe(text.match(/alert:/g)?.length);
    expect(unknownIn(text)).toEqual([]);
    expect(alerts.filter(({ expr }) => expr === "" || !isBalanced(expr))).toEqual([]);
  });

  it("each say how bad it is and what it is, and are explained in the guide", () => {
    const guide = read("operating.md");
    for (const { name, severity, summary } of alerts) {
      expect(["warning", "critical"]).toContain(severity);
      expect(summary).toMatch(/\w+ \w+/);
      expect(guide).toContain(`\`${name}\``);
    }
  });

  it("have no tabs, nor text that YAML would take for something else", () => {
    expect(text).not.toContain("\t");
    for (const line of text.split("\n")) {
      const [, value] = /^\s+(?:- )?[a-z]+: (.+)$/.exec(line) ?? [];
      if (value !== undefined) expect(value).not.toMatch(/^[{[&*!|%@`]|: | #/);
    }
  });
});
