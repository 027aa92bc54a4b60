/** One replay from the log to the report. */
import { bound, bucketBound } from "../../shared/bound.ts";
import type { Rule } from "../../shared/rule.ts";
import { formatDuration } from "../../shared/time.ts";
import { fail } from "../tools/cli.ts";
import { chargesUnder, modeOf } from "./charges.ts";
import type { Figures } from "./figures.ts";
import { readLog } from "./log-reader.ts";
import { measure } from "./measure.ts";
import type { ReplayOptions } from "./options.ts";
import { openPops, type Pops } from "./pops.ts";
import { withProgress } from "./progress.ts";
import { keptPace, type Report, type ReportedRule } from "./report.ts";
import { loadRules, type ReplayRules } from "./rules.ts";
import { schedule } from "./schedule.ts";
import { type Sent, sendAll } from "./sender.ts";
import { collectSlice, isoTime, type Slice, spanOf } from "./slice.ts";

/** Runs the replay. `signal` stops it: the cluster is ended and the promise rejects. */
export async function replay(wish: ReplayOptions, signal: AbortSignal): Promise<Report> {
  const rules = await loadRules(wish.rules, wish.speed);
  const collector = collectSlice(wish);
  const log = await withProgress(
    (lines) => `replay: ${lines} lines read`,
    (progress) => readLog(wish.log, (entry) => collector.add(entry), progress),
  );
  const slice = collector.finish();
  const pops = await openPops(wish, rules, signal);
  try {
    const plan = schedule(slice.entries, { ...wish, pops: pops.names.length });
    const startedAt = new Date();
    const sent = await withProgress(
      (count) => `replay: ${count} of ${plan.length} requests sent`,
      (progress) => sendAll(plan, pops.urls, { progress, signal }),
    );
    const tookMs = Date.now() - startedAt.getTime();
    const { measured, chargesOf } = chargesUnder(rules);
    const figures = measure({
      sent,
      rules: measured,
      chargesOf: ({ planned }) => chargesOf(planned.request, planned.client),
      popNames: pops.names,
    });
    checkAnswers(sent, figures, rules, pops);
    return {
      ...figures,
      keptPace: keptPace(
        figures,
        rules.run.map(({ window }) => window),
      ),
      log: { path: wish.log, ...log },
      slice: sliceFacts(slice),
      run: {
        startedAt: startedAt.toISOString(),
        tookMs,
        rules: rules.path,
        speed: wish.speed,
        spread: wish.spread,
        seed: wish.seed,
        pops: pops.names,
        ...(wish.cluster === undefined ? {} : { cluster: wish.cluster }),
      },
      rules: figures.rules.flatMap((figure, index) => {
        const [written, run] = [rules.written[index], rules.run[index]];
        return written === undefined || run === undefined
          ? []
          : [reportedRule(figure, written, run, wish, rules)];
      }),
    };
  } finally {
    await pops.close();
  }
}

function sliceFacts(slice: Slice): Report["slice"] {
  const changed = (kind: string): number =>
    slice.entries.filter(({ request }) => request.changed === kind).length;
  return {
    from: isoTime(slice.from),
    forMs: slice.length,
    spanMs: spanOf(slice),
    sorted: slice.sorted,
    malformed: changed("malformed"),
    unsendable: changed("unsendable"),
  };
}

function reportedRule(
  figures: Figures["rules"][number],
  written: Rule,
  run: Rule,
  wish: ReplayOptions,
  rules: ReplayRules,
): ReportedRule {
  const { limit, burst, threshold, algorithm, cost } = run;
  // In the cluster a POP is one isolate, so a client has as many sources as it uses POPs.
  const sources = wish.spread;
  const most =
    algorithm === "token-bucket"
      ? bucketBound({ limit, burst, threshold, sources, windows: 1 })
      : bound({ limit, threshold, sources });
  return {
    ...figures,
    limit,
    window: formatDuration(written.window),
    windowRunMs: run.window,
    threshold,
    algorithm,
    mode: modeOf(run, rules),
    bound: Math.floor(most / cost),
  };
}

/** A comparison with rules that the cluster does not have, or without any decision, would mislead. */
function checkAnswers(sent: readonly Sent[], figures: Figures, rules: ReplayRules, pops: Pops): void {
  if (figures.admitted + figures.denied === 0) {
    const cause = Object.keys(figures.failures)[0] ?? "no answer has the x-onecount header (DEBUG_HEADERS)";
    fail(`no request was decided by the cluster at ${pops.urls.join(" ")}: ${cause}`);
  }
  const known = new Map(rules.run.map((rule) => [rule.name, rule.limit]));
  for (const { answer } of sent) {
    if (!("policy" in answer) || answer.policy === undefined) continue;
    for (const [, name = "", quota] of answer.policy.matchAll(/"([^"]*)";q=(\d+)/g)) {
      if (known.get(name) === Number(quota)) continue;
      fail(
        `the cluster decides by other rules than ${rules.path}: "${name}" with limit ${quota} (name its file with --rules)`,
      );
    }
  }
}
