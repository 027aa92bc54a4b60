/** The figures of live accuracy, as the auditors of rules have them. */

import { auditorName } from "../shared/accuracy/report.ts";
import { together } from "../shared/accuracy/totals.ts";
import { ACCURACY_CALL_MAX } from "../shared/limits.ts";
import type { Rule } from "../shared/rule.ts";
import type { AccuracyFigures } from "../shared/telemetry/live.ts";
import type { Env } from "./env.ts";
import { within } from "./timer.ts";

/**
 * What one hundredth of the keys says of each rule, by name: a rule with plans is one. A rule of which nothing was seen
 * yet, or whose auditor is out of reach within ACCURACY_CALL_MAX, is left out. Never rejects.
 */
export async function accuracyOf(
  env: Pick<Env, "KEY_OWNER">,
  rules: readonly Pick<Rule, "version">[],
): Promise<readonly AccuracyFigures[]> {
  const answers = await Promise.all(rules.map(({ version }) => ask(env, version)));
  const byName = new Map<string, AccuracyFigures>();
  for (const figures of answers) {
    if (figures === undefined || figures === null) continue;
    const known = byName.get(figures.rule);
    byName.set(figures.rule, known === undefined ? figures : { ...figures, ...together(known, figures) });
  }
  return [...byName.values()];
}

async function ask({ KEY_OWNER }: Pick<Env, "KEY_OWNER">, version: string) {
  try {
    return await within(KEY_OWNER.getByName(auditorName(version)).accuracy(), ACCURACY_CALL_MAX);
  } catch {
    return undefined;
  }
}
