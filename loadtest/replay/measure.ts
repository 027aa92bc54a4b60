/** Turns what was sent and answered into the report's figures. Pure. */
import { BUSIEST_CLIENTS } from "./bounds.ts";
import type { ClientFigures, DecisionFigures, Figures, RuleFigures } from "./figures.ts";
import { type Charge, type CountedRule, exactCounter, windowIndex } from "./oracle.ts";
import { type Answer, DECISIONS, type Decision, type Sent } from "./sender.ts";

/** A rule as the measure needs it. */
export interface MeasuredRule extends CountedRule {
  readonly mode: "enforce" | "shadow";
}

/** One rule's part of a request. */
export interface MeasuredCharge extends Charge {
  readonly rule: MeasuredRule;
}

export interface MeasureInput {
  /** In the order sent. */
  readonly sent: readonly Sent[];
  readonly rules: readonly MeasuredRule[];
  /** The rules that a request falls under, in their order, each with the client's key. */
  readonly chargesOf: (sent: Sent) => readonly MeasuredCharge[];
  readonly popNames: readonly string[];
}

/** A request that a Worker decided. */
interface Decided {
  readonly sent: Sent;
  readonly answer: Answer & { readonly decision: Decision };
  readonly admitted: boolean;
  readonly charges: readonly MeasuredCharge[];
}

export function measure(input: MeasureInput): Figures {
  const decided = input.sent.flatMap((sent) => decidedOf(sent, input));
  const answers = input.sent.map(({ answer }) => answer);
  const late = input.sent.map(({ lateMs }) => lateMs);
  return {
    requests: input.sent.length,
    admitted: decided.filter(({ admitted }) => admitted).length,
    denied: decided.filter(({ admitted }) => !admitted).length,
    statuses: tally(answers.flatMap((answer) => ("status" in answer ? [String(answer.status)] : []))),
    undecided: answers.filter((answer) => "status" in answer && answer.decision === undefined).length,
    failures: tally(answers.flatMap((answer) => ("failure" in answer ? [answer.failure] : []))),
    rules: ruleFigures(input.rules, decided),
    decisions: decisionFigures(decided),
    clients: busiest(decided, input.popNames),
    clientCount: new Set(input.sent.map(({ planned }) => planned.client)).size,
    late: { p50Ms: percentile(late, 0.5), p99Ms: percentile(late, 0.99), maxMs: percentile(late, 1) },
  };
}

function decidedOf(sent: Sent, input: MeasureInput): Decided[] {
  const { answer } = sent;
  if ("failure" in answer || answer.decision === undefined) return [];
  // 429 is a denial, 503 the answer of a rule that fails closed.
  const admitted = answer.status !== 429 && answer.status !== 503;
  return [
    { sent, answer: { ...answer, decision: answer.decision }, admitted, charges: input.chargesOf(sent) },
  ];
}

/** Counts per (rule, client's key, window). */
class WindowCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  add(charge: Charge, window: number): void {
    const ofRule = this.of(charge.rule.name);
    const cell = `${charge.key} ${window}`;
    ofRule.set(cell, (ofRule.get(cell) ?? 0) + 1);
  }

  of(rule: string): Map<string, number> {
    const found = this.#counts.get(rule) ?? new Map<string, number>();
    this.#counts.set(rule, found);
    return found;
  }
}

function ruleFigures(rules: readonly MeasuredRule[], decided: readonly Decided[]): RuleFigures[] {
  const oracle = exactCounter();
  const actual = new WindowCounts();
  const exact = new WindowCounts();
  const owned = new WindowCounts();
  const counted = new WindowCounts();
  for (const { sent, answer, admitted, charges } of decided) {
    const enforced = charges.filter(({ rule }) => rule.mode === "enforce");
    const exactAdmits = oracle.admits(sent.sentAt, enforced);
    for (const charge of charges) {
      const window = windowIndex(charge.grid, sent.sentAt);
      if (admitted) actual.add(charge, window);
      if (admitted) counted.add(charge, sent.countedIn?.get(charge.rule.name) ?? window);
      if (exactAdmits) exact.add(charge, window);
      if (answer.decision === "owner" && deciding(answer, charges) === charge.rule.name) {
        owned.add(charge, window);
      }
    }
  }
  return rules.map((rule) => {
    const mine = decided.filter(({ charges }) => charges.some((charge) => charge.rule.name === rule.name));
    const denied = mine.filter(({ admitted }) => !admitted);
    const byMe = denied.filter(({ answer, charges }) => deciding(answer, charges) === rule.name).length;
    const [got, due] = [actual.of(rule.name), exact.of(rule.name)];
    return {
      name: rule.name,
      requests: mine.length,
      admitted: mine.length - denied.length,
      denied: byMe,
      deniedByOthers: denied.length - byMe,
      waited: mine.filter(({ answer }) => waited(answer.decision)).length,
      claims: owned.of(rule.name).size,
      ...(rule.mode === "shadow" ? {} : { excess: beyond(got, due), falseDenials: beyond(due, got) }),
      admittedPerWindowMax: largest(counted.of(rule.name).values()),
    };
  });
}

/** The rule that the answer names, else the request's first. */
const deciding = (answer: Answer, charges: readonly Charge[]): string | undefined =>
  answer.rule ?? charges[0]?.rule.name;

const waited = (decision: Decision): boolean => decision === "owner" || decision === "degraded";

/** Σ of what `counts` has beyond `others`, cell by cell. */
function beyond(counts: ReadonlyMap<string, number>, others: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [cell, count] of counts) sum += Math.max(0, count - (others.get(cell) ?? 0));
  return sum;
}

/** A log of months has more windows than `Math.max` may have arguments. */
function largest(counts: Iterable<number>): number {
  let most = 0;
  for (const count of counts) most = Math.max(most, count);
  return most;
}

function decisionFigures(decided: readonly Decided[]): DecisionFigures[] {
  const times = (wanted: readonly Decision[]): number[] =>
    decided.filter(({ answer }) => wanted.includes(answer.decision)).map(({ sent }) => sent.tookMs);
  const silent = times(["credit", "unlimited"]);
  const baseline = silent.length > 0 ? percentile(silent, 0.5) : undefined;
  return DECISIONS.flatMap((decision) => {
    const took = times([decision]);
    if (took.length === 0) return [];
    const [p50Ms, p99Ms] = [percentile(took, 0.5), percentile(took, 0.99)];
    const added =
      baseline === undefined ? {} : { addedP50Ms: p50Ms - baseline, addedP99Ms: p99Ms - baseline };
    return [{ decision, requests: took.length, p50Ms, p99Ms, ...added }];
  });
}

function busiest(decided: readonly Decided[], popNames: readonly string[]): ClientFigures[] {
  const byClient = new Map<string, Decided[]>();
  for (const one of decided) {
    const { client } = one.sent.planned;
    const list = byClient.get(client) ?? [];
    byClient.set(client, list);
    list.push(one);
  }
  const ranked = [...byClient].sort(([a, ofA], [b, ofB]) => ofB.length - ofA.length || (a < b ? -1 : 1));
  return ranked.slice(0, BUSIEST_CLIENTS).map(([client, list]) => {
    const admitted = list.filter((one) => one.admitted).length;
    const used = new Set(list.map(({ sent }) => sent.planned.pop));
    return {
      client,
      requests: list.length,
      admitted,
      denied: list.length - admitted,
      pops: popNames.filter((_, index) => used.has(index)),
    };
  });
}

/** The nearest-rank percentile; 0 of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
