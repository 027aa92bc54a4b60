/** What all hubs counted, in the text format of OpenMetrics 1.0 (https://openmetrics.io), which Prometheus scrapes. */
import type { RegionMetrics } from "../hub/region-metrics.ts";
import { SCHEMA } from "../protocol/schema.ts";
import type { Region } from "../region.ts";
import { VERSION } from "../version.ts";
import { type AccuracyFigures, OUTCOMES } from "./live.ts";
import { ASK_BUCKETS_MS, DEGRADED_CAUSES } from "./outcomes.ts";

export const OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "info";
  readonly help: string;
  readonly unit?: string;
}

/** Every family, in the order in which they are written. */
export const METRICS = [
  {
    name: "onecount_decisions",
    type: "counter",
    help: "Requests under a rule, by how they were decided: credit, owner, blocked or degraded.",
  },
  { name: "onecount_unlimited", type: "counter", help: "Requests that no rule covered." },
  { name: "onecount_faults", type: "counter", help: "Requests that passed because deciding them failed." },
  {
    name: "onecount_degraded",
    type: "counter",
    help: "Requests that on_failure decided, by why their owner did not.",
  },
  {
    name: "onecount_ahead",
    type: "counter",
    help: "Requests admitted by credit that was held ahead: a lease, or grace.",
  },
  {
    name: "onecount_kept_back",
    type: "counter",
    help: "Requests denied only for what a strict rule keeps back.",
  },
  {
    name: "onecount_threshold",
    type: "gauge",
    help: "The lowest automatic threshold that an isolate works with.",
  },
  {
    name: "onecount_found",
    type: "counter",
    help: "Clients found and claimed that reach the threshold nowhere.",
  },
  {
    name: "onecount_owner_ask_seconds",
    type: "histogram",
    unit: "seconds",
    help: "Round trips of Asks to owners that were answered.",
  },
  {
    name: "onecount_owner_busy",
    type: "counter",
    help: "Answers of owners that had much to do, and granted more ahead where rules lease.",
  },
  {
    name: "onecount_announcements_heard",
    type: "counter",
    help: "Announcements that isolates heard, each once for every isolate.",
  },
  {
    name: "onecount_table_replacements",
    type: "counter",
    help: "Clients pushed out of credit tables while they still counted.",
  },
  { name: "onecount_table_entries", type: "gauge", help: "Clients in credit tables." },
  { name: "onecount_table_capacity", type: "gauge", help: "Clients that fit into credit tables." },
  { name: "onecount_isolates", type: "gauge", help: "Isolates that reported within the last minute." },
  {
    name: "onecount_watch_age_seconds",
    type: "gauge",
    unit: "seconds",
    help: "The longest that an isolate had been without a connection to its hub when it reported.",
  },
  {
    name: "onecount_hub_up",
    type: "gauge",
    help: "Whether a region's hub answered this scrape; without it that region's counters are missing.",
  },
  {
    name: "onecount_accuracy_admitted",
    type: "counter",
    help: "Cost admitted of the keys that are also counted exactly.",
  },
  {
    name: "onecount_accuracy_over",
    type: "counter",
    help: "Of it, cost that one exact count would not have admitted.",
  },
  {
    name: "onecount_accuracy_under",
    type: "counter",
    help: "Cost denied of those keys that one exact count would have admitted.",
  },
  {
    name: "onecount_accuracy_worst",
    type: "gauge",
    help: "The most that one of those keys was over its limit in one window.",
  },
  {
    name: "onecount_accuracy_bound",
    type: "gauge",
    help: "What the published bound allows beyond the limit in that window.",
  },
  { name: "onecount_build", type: "info", help: "The release that answers." },
] as const satisfies readonly Family[];

type Name = (typeof METRICS)[number]["name"];
type Labels = Readonly<Record<string, string>>;
interface Sample {
  /** What stands behind the family's name: `_total`, `_bucket`, … */
  readonly suffix: string;
  readonly labels: Labels;
  readonly value: number;
}

/** What one region's hub said; `undefined` when it was out of reach. */
export type RegionScrape = readonly [region: Region, metrics: RegionMetrics | undefined];

export function openMetrics(regions: readonly RegionScrape[], accuracy: readonly AccuracyFigures[]): string {
  const samples = new Map<Name, Sample[]>();
  const add = (name: Name, suffix: string, labels: Labels, value: number): void => {
    const known = samples.get(name) ?? [];
    known.push({ suffix, labels, value });
    samples.set(name, known);
  };
  for (const [region, metrics] of regions) {
    add("onecount_hub_up", "", { region }, metrics === undefined ? 0 : 1);
    if (metrics !== undefined) addRegion(add, region, metrics);
  }
  for (const figures of accuracy) addAccuracy(add, figures);
  add("onecount_build", "_info", { version: VERSION, schema: String(SCHEMA) }, 1);
  const written = METRICS.flatMap((family) => write(family, samples.get(family.name) ?? []));
  return `${[...written, "# EOF"].join("\n")}\n`;
}

/** By AHEAD and KEPT_BACK. */
const FURTHER = ["onecount_ahead", "onecount_kept_back"] as const;

type Add = (name: Name, suffix: string, labels: Labels, value: number) => void;

function addRegion(add: Add, region: Region, metrics: RegionMetrics): void {
  // Most of them never happen: what was never counted is not written.
  const some = (name: Name, labels: Labels, value = 0): void => {
    if (value > 0) add(name, "_total", labels, value);
  };
  for (const { name: rule, mode, counts, degraded, further = [] } of metrics.rules) {
    OUTCOMES.forEach(({ decision, admitted }, index) => {
      const labels = { rule, mode, decision, admitted: String(admitted), region };
      some("onecount_decisions", labels, counts[index]);
    });
    DEGRADED_CAUSES.forEach((cause, index) => {
      some("onecount_degraded", { rule, mode, cause, region }, degraded[index]);
    });
    FURTHER.forEach((name, index) => {
      some(name, { rule, mode, region }, further[index]);
    });
  }
  for (const [rule, threshold] of metrics.thresholds ?? [])
    add("onecount_threshold", "", { rule, region }, threshold);
  for (const [rule, found] of metrics.found ?? []) some("onecount_found", { rule, region }, found);
  add("onecount_unlimited", "_total", { region }, metrics.unlimited);
  add("onecount_faults", "_total", { region }, metrics.faults);
  add("onecount_announcements_heard", "_total", { region }, metrics.heard);
  add("onecount_owner_busy", "_total", { region }, metrics.busy);
  add("onecount_table_replacements", "_total", { region }, metrics.replacements);
  addAsks(add, region, metrics);
  for (const { pop, isolates, watchAgeMs, entries, capacity } of metrics.pops) {
    add("onecount_isolates", "", { pop, region }, isolates);
    add("onecount_watch_age_seconds", "", { pop, region }, watchAgeMs / 1_000);
    add("onecount_table_entries", "", { pop, region }, entries);
    add("onecount_table_capacity", "", { pop, region }, capacity);
  }
}

function addAsks(add: Add, region: Region, { asks, askMs }: RegionMetrics): void {
  let below = 0;
  asks.forEach((count, index) => {
    below += count;
    const end = ASK_BUCKETS_MS[index];
    const le = end === undefined ? "+Inf" : (end / 1_000).toFixed(3).replace(/0+$/, "").replace(/\.$/, ".0");
    add("onecount_owner_ask_seconds", "_bucket", { region, le }, below);
  });
  add("onecount_owner_ask_seconds", "_count", { region }, below);
  add("onecount_owner_ask_seconds", "_sum", { region }, askMs / 1_000);
}

function addAccuracy(add: Add, { rule, admitted, over, under, worst, bound }: AccuracyFigures): void {
  add("onecount_accuracy_admitted", "_total", { rule }, admitted);
  add("onecount_accuracy_over", "_total", { rule }, over);
  add("onecount_accuracy_under", "_total", { rule }, under);
  add("onecount_accuracy_worst", "", { rule }, worst);
  add("onecount_accuracy_bound", "", { rule }, bound);
}

function write(family: Family, samples: readonly Sample[]): readonly string[] {
  const { name, type, unit, help } = family;
  return [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escaped(help)}`,
    ...samples.map(({ suffix, labels, value }) => `${name}${suffix}${labelled(labels)} ${value}`),
  ];
}

const labelled = (labels: Labels): string =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",")}}`;

/** Rules may be named with quotes in them. */
const escaped = (text: string): string =>
  text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/"/g, '\\"');
