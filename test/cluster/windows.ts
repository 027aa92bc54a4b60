/** Where a client's windows begin, as its owner counts them, and waiting for one. */
import { ClientAddress } from "../../shared/address.ts";
import { gridOf } from "../../shared/grid.ts";
import { KeyHasher } from "../../shared/key.ts";
import type { Rule } from "../../shared/rule.ts";
import type { WindowGrid } from "../../shared/time.ts";
import { secretWords } from "../../worker/secret.ts";

/** The client's windows under the rule of that name. */
export async function gridFor(rules: readonly Rule[], name: string, ip: string): Promise<WindowGrid> {
  const rule = rules.find((known) => known.name === name);
  if (rule === undefined) throw new Error(`no rule ${name}`);
  const hasher = new KeyHasher(await secretWords("keys", undefined), rule.version);
  hasher.tag(new ClientAddress().read(ip));
  return gridOf(rule, hasher.lo);
}

export async function sleepUntil(time: number): Promise<void> {
  while (Date.now() < time) await new Promise((resolve) => setTimeout(resolve, time - Date.now()));
}
