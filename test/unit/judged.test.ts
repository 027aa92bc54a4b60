/** What of a decision is counted exactly beside it: by which rule, in which window, and what is left out. */
import { describe, expect, it } from "vitest";
import { KeyHasher } from "../../shared/key.ts";
import { Admission, type Decision, type Waiting } from "../../shared/pop/decide.ts";
import { Source } from "../../shared/pop/source.ts";
import type { Rule } from "../../shared/rule.ts";
import { epochMs } from "../../shared/time.ts";
import { MINUTE, ruleWith, T0 } from "./world.ts";

const SECRET = new Uint32Array([1, 2, 3, 4, 5, 6, 7, 8]);

/** A request of one client under these rules, all of which ask their owners. */
function requestUnder(rules: readonly Rule[], cost = 1) {
  const hashers = rules.map(({ version }) => new KeyHasher(SECRET, version));
  const source = new Source({ isolate: "a", pop: "LHR", seed: 1, rules, hashers });
  const charged = rules.map((_, ruleIndex) => ({ ruleIndex, key: "ip=203.0.113.9", cost }));
  const admission = new Admission(source, charged, { enforce: true, label: undefined });
  return { source, admission };
}

/** Steps on; each owner that is asked says so. */
function decide(admission: Admission, says: readonly ("granted" | "denied")[]): Decision {
  let outcome: Decision | Waiting = admission.step(T0);
  for (const state of says) {
    if (outcome.kind !== "waiting") throw new Error("nothing is waited for");
    outcome.waiter.state = state;
    outcome = admission.step(T0);
  }
  if (outcome.kind === "waiting") throw new Error("it still waits");
  return outcome;
}

const asking = (part: Partial<Rule>): Rule => ruleWith({ threshold: 1, ...part });
const enforced = asking({ version: "00000000000000aa" });
const other = asking({ version: "00000000000000bb" });
const shadow = asking({ version: "00000000000000cc", mode: "shadow" });

const judgedOf = (rules: readonly Rule[], says: readonly ("granted" | "denied")[]) => {
  const { admission } = requestUnder(rules);
  const decision = decide(admission, says);
  return admission.judged(decision, T0).map(({ ruleIndex, denied, how }) => [ruleIndex, denied, how]);
};

describe("what rules made of a request", () => {
  it("is every rule's, where all of them admit it", () => {
    expect(judgedOf([enforced, other], ["granted", "granted"])).toEqual([
      [0, false, "owner"],
      [1, false, "owner"],
    ]);
  });

  it("is a denial of a shadow rule's, where the request passes", () => {
    expect(judgedOf([shadow, enforced], ["denied", "granted"])).toEqual([
      [0, true, "owner"],
      [1, false, "owner"],
    ]);
  });

  it("is only the denying rule's, whatever others made of it before", () => {
    expect(judgedOf([shadow, enforced, other], ["denied", "granted", "denied"])).toEqual([
      [2, true, "owner"],
    ]);
  });

  it("is nobody's, where it costs more than any quota", () => {
    const { admission } = requestUnder([enforced], enforced.limit + 1);
    expect(admission.judged(decide(admission, []), T0)).toEqual([]);
  });

  it("says where the key has another limit, or is barred by hand", () => {
    const { source, admission } = requestUnder([enforced]);
    const decision = decide(admission, ["granted"]);
    const [hot] = [...source.hotKeys()];
    if (hot === undefined) throw new Error("no owner was asked");
    const byHand = () => admission.judged(decision, T0).map((judged) => judged.byHand);
    expect(byHand()).toEqual([false]);
    hot.limit = 7;
    expect(byHand()).toEqual([true]);
    hot.limit = undefined;
    hot.view.penaltyUntil = epochMs(T0 + MINUTE);
    hot.view.trustedUntil = epochMs(T0 + MINUTE);
    expect(byHand()).toEqual([true]);
  });
});
