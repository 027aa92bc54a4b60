/** The text that Prometheus reads: every family once, its samples together, labels escaped. */
import { describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { Reports } from "../../shared/hub/reports.ts";
import { refusal } from "../../shared/pop/decide.ts";
import { OUTCOMES } from "../../shared/telemetry/live.ts";
import { METRICS, openMetrics } from "../../shared/telemetry/openmetrics.ts";
import { DEGRADED_CAUSES } from "../../shared/telemetry/outcomes.ts";
import { decodeReport, encodeReport } from "../../shared/telemetry/report.ts";
import { Tally } from "../../shared/telemetry/tally.ts";
import { VERSION } from "../../shared/version.ts";
import { ruleWith, T0 } from "./world.ts";

const rule = ruleWith({ name: 'lo"g\\in', mode: "enforce" });
const shadow = ruleWith({ name: "quiet", mode: "shadow", limit: 3 });

/** A hub to which one isolate reported all kinds of things. */
function hubWithReport() {
  const tally = new Tally([rule, shadow]);
  const denied = { ...refusal(rule), how: "owner" as const };
  tally.decided(denied);
  tally.decided({ ...denied, admitted: true });
  tally.decided({ ...denied, admitted: true });
  tally.decided({ ...denied, how: "degraded", admitted: true, cause: "overloaded" });
  tally.decided({ ...refusal(shadow), how: "blocked", admitted: true });
  tally.passed();
  tally.faulted();
  tally.heard(4);
  tally.busy();
  const paid = Float64Array.from([0, 5]);
  tally.takePaidAhead(paid);
  paid[1] = (paid[1] ?? 0) + 2;
  tally.takePaidAhead(paid);
  tally.keptBack(rule, 2);
  for (const ms of [3, 5, 80, 9_000]) tally.answered(ms);
  const report = decodeReport(
    encodeReport({
      source: "isolate.1",
      seq: 1,
      ...tally.read(tally.snapshot()),
      pop: "LHR",
      watchAgeMs: 1_500,
      entries: 7,
      capacity: 100,
      replacements: 2,
      thresholds: [
        ["follows", 4],
        ["follows", 2],
        ["follows", 3],
      ],
      keys: [],
    }),
  );
  const reports = new Reports();
  if (report.ok) reports.take(report.value, T0);
  return { ...reports.metrics(T0), found: new Map([["follows", 6]]) };
}

const accuracy = { rule: "quiet", admitted: 50, over: 2, under: 1, worst: 2, bound: 6 };

describe("metrics", () => {
  const text = openMetrics(
    [
      ["weur", hubWithReport()],
      ["enam", undefined],
    ],
    [accuracy],
  );
  const lines = text.split("\n");

  it("say what was counted", () => {
    const samples = lines.filter((line) => line !== "" && !line.startsWith("#"));
    expect(samples).toEqual([
      'onecount_decisions_total{rule="lo\\"g\\\\in",mode="enforce",decision="owner",admitted="false",region="weur"} 1',
      'onecount_decisions_total{rule="lo\\"g\\\\in",mode="enforce",decision="owner",admitted="true",region="weur"} 2',
      'onecount_decisions_total{rule="lo\\"g\\\\in",mode="enforce",decision="degraded",admitted="true",region="weur"} 1',
      'onecount_decisions_total{rule="quiet",mode="shadow",decision="blocked",admitted="true",region="weur"} 1',
      'onecount_unlimited_total{region="weur"} 1',
      'onecount_faults_total{region="weur"} 1',
      'onecount_degraded_total{rule="lo\\"g\\\\in",mode="enforce",cause="overloaded",region="weur"} 1',
      'onecount_ahead_total{rule="quiet",mode="shadow",region="weur"} 7',
      'onecount_kept_back_total{rule="lo\\"g\\\\in",mode="enforce",region="weur"} 2',
      'onecount_threshold{rule="follows",region="weur"} 2',
      'onecount_found_total{rule="follows",region="weur"} 6',
      ...[
        ["0.005", 2],
        ["0.01", 2],
        ["0.025", 2],
        ["0.05", 2],
        ["0.1", 3],
        ["0.25", 3],
        ["0.5", 3],
        ["1.0", 3],
        ["2.5", 3],
        ["+Inf", 4],
      ].map(([le, count]) => `onecount_owner_ask_seconds_bucket{region="weur",le="${le}"} ${count}`),
      'onecount_owner_ask_seconds_count{region="weur"} 4',
      'onecount_owner_ask_seconds_sum{region="weur"} 9.088',
      'onecount_owner_busy_total{region="weur"} 1',
      'onecount_announcements_heard_total{region="weur"} 4',
      'onecount_table_replacements_total{region="weur"} 2',
      'onecount_table_entries{pop="LHR",region="weur"} 7',
      'onecount_table_capacity{pop="LHR",region="weur"} 100',
      'onecount_isolates{pop="LHR",region="weur"} 1',
      'onecount_watch_age_seconds{pop="LHR",region="weur"} 1.5',
      'onecount_hub_up{region="weur"} 1',
      'onecount_hub_up{region="enam"} 0',
      'onecount_accuracy_admitted_total{rule="quiet"} 50',
      'onecount_accuracy_over_total{rule="quiet"} 2',
      'onecount_accuracy_under_total{rule="quiet"} 1',
      'onecount_accuracy_worst{rule="quiet"} 2',
      'onecount_accuracy_bound{rule="quiet"} 6',
      `onecount_build_info{version="${VERSION}",schema="2"} 1`,
    ]);
  });

  it("name each family once, before its samples, and end as they must", () => {
    const families = lines.filter((line) => line.startsWith("# TYPE ")).map((line) => line.split(" ")[2]);
    expect(families).toEqual(METRICS.map(({ name }) => name));
    let family = "";
    for (const line of lines) {
      if (line.startsWith("# TYPE ")) family = line.split(" ")[2] ?? "";
      else if (line !== "" && !line.startsWith("#")) expect(line.startsWith(family)).toBe(true);
    }
    expect(text.endsWith("\n# EOF\n")).toBe(true);
  });

  it("have no series twice, also of a rule that was first tried in shadow mode", () => {
    const tried = [ruleWith({ name: "login", mode: "shadow" }), ruleWith({ name: "login", mode: "enforce" })];
    const counted = tried.map(({ version, name, mode }) => ({
      ...{ version, name, mode },
      counts: OUTCOMES.map(() => 1),
      degraded: DEGRADED_CAUSES.map(() => 1),
      further: [1, 1],
    }));
    const region = { ...hubWithReport(), rules: counted };
    const series = openMetrics([["weur", region]], [])
      .split("\n")
      .filter((line) => line.startsWith("onecount_"))
      .map((line) => line.slice(0, line.lastIndexOf(" ")));
    expect(series.filter((one, index) => series.indexOf(one) !== index)).toEqual([]);
  });

  it("tell the release that the package has", () => {
    expect(VERSION).toBe(packageJson.version);
  });
});
