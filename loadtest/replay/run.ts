/** One replay over HTTP, from the log to the report. */
import { fail } from "../tools/cli.ts";
import { withProgress } from "../tools/progress.ts";
import { chargesUnder } from "./charges.ts";
import type { Figures } from "./figures.ts";
import { readInput } from "./input.ts";
import { measure } from "./measure.ts";
import type { ReplayOptions } from "./options.ts";
import { openPops, type Pops } from "./pops.ts";
import { keptPace, type Report } from "./report.ts";
import { reportedRules, sliceFacts } from "./report-parts.ts";
import type { ReplayRules } from "./rules.ts";
import { schedule } from "./schedule.ts";
import { type Sent, sendAll } from "./sender.ts";

/** Runs the replay. `signal` stops it: the cluster is ended and the promise rejects. */
export async function replay(wish: ReplayOptions, signal: AbortSignal): Promise<Report> {
  const { rules, log, slice } = await readInput(wish);
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
      log,
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
      rules: reportedRules(figures.rules, rules, wish.spread),
    };
  } finally {
    await pops.close();
  }
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
