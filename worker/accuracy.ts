/** The figures of live accuracy, as the auditors of rules have them. */
import { auditorName } from "../shared/accuracy/report.ts";
import { ACCURACY_CALL_MAX } from "../shared/limits.ts";
import type { Rule } from "../shared/rule.ts";
import type { AccuracyFigures } from "../shared/telemetry/live.ts";
import type { Env } from "./env.ts";
import { within } from "./timer.ts";

/**
 * What one hundredth of the keys says of each rule, in their order. A rule of which nothing was seen yet, or whose
 * auditor is out of reach within ACCURACY_CALL_MAX, is left out. Rules of one name (plans) have figures of their own.
 * Never rejects.
 */
export async function accuracyOf(
  env: Pick<Env, "KEY_OWNER">,
  rules: readonly Pick<Rule, "version">[],
): Promise<readonly AccuracyFigures[]> {
  const asked = rules.map(async ({ version }): Promise<AccuracyFigures | null | undefined> => {
    try {
      return await within(env.KEY_OWNER.getByName(auditorName(version)).accuracy(), ACCURACY_CALL_MAX);
    } catch {
      return undefined;
    }
  });
  return (await Promise.all(asked)).filter((figures) => figures !== undefined && figures !== null);
}
