/** What is shown of a rule's switches, and of what they do to a client. Pure. */
import type { CommandResult } from "../../shared/protocol/command-messages.ts";
import type { Switches } from "../../shared/telemetry/live.ts";
import { count } from "./format.ts";
import type { ClientRow } from "./overview.ts";

/** The switches that are on, as they are written in a rule: `lease auto · strict 4`. Empty for none. */
export function switchesText({ excessMax, lease, grace, strict, spread }: Switches): string {
  const on: readonly (readonly [name: string, value: string | number | undefined])[] = [
    ["excess_max", excessMax],
    ["lease", lease],
    ["grace", grace],
    ["strict", strict],
    ["spread", spread],
  ];
  return on.flatMap(([name, value]) => (isOn(value) ? [`${name} ${value}`] : [])).join(" · ");
}

const isOn = (value: string | number | undefined): boolean => Boolean(value) && value !== "off";

/** Texts of facts; null where the rule's switches make it none. */
export interface SwitchFacts {
  readonly lent: string | null;
  readonly kept: string | null;
  readonly threshold: string | null;
}

/**
 * @param row the client as isolates reported it
 * @param account the client as its owner knows it
 */
export function switchFacts(
  { excessMax, lease, grace, strict }: Switches,
  row: Pick<ClientRow, "ahead" | "threshold"> | undefined,
  account: Pick<CommandResult, "lent" | "reserved"> | undefined,
): SwitchFacts {
  const { ahead = 0, threshold = null } = row ?? {};
  const { lent = 0, reserved = 0 } = account ?? {};
  // Both are told now and then, the owner's by the Ask before: what is left now is no more than that.
  const left = Math.min(ahead, lent);
  return {
    lent: isOn(lease) || isOn(grace) ? `${count(lent)}${left > 0 ? `, ${count(left)} left` : ""}` : null,
    kept: isOn(strict) ? count(reserved) : null,
    threshold: excessMax === undefined ? null : threshold === null ? "–" : count(threshold),
  };
}
