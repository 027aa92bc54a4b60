/** What became of thinly spread clients, for people. */
import { duration, number, table } from "../tools/columns.ts";
import { THIN_RULE, type ThinFigures } from "./thin-runs.ts";

export function formatThin(figures: readonly ThinFigures[]): string {
  const { limit, threshold, windowMs } = THIN_RULE;
  const [first] = figures;
  const rows = figures.map((one) => [
    one.spread,
    `${one.rate}/s`,
    `${number(one.found)} of ${number(one.clients)}`,
    one.found === 0 ? "" : `${number(one.sentBeforeFound.p50)} (${number(one.sentBeforeFound.max)})`,
    one.found === 0 ? "" : `${duration(one.foundMs.p50)} (${duration(one.foundMs.max)})`,
    one.found === 0 ? "" : `${duration(one.heardMs.p50)} (${duration(one.heardMs.max)})`,
    `${number(one.admitted.p50)} (${number(one.admitted.max)})`,
    number(one.beyond),
    String(one.handOversPerSecondMax),
  ]);
  return `${[
    `One client, ${number(first?.isolates ?? 0)} isolates, each request to another one; ${limit} in ${duration(windowMs)}, threshold ${threshold}`,
    "",
    table(
      [
        [
          "spread",
          "rate",
          "found",
          "sent before",
          "found after",
          "heard after",
          "admitted",
          "beyond",
          "calls",
        ],
        ...rows,
      ],
      1,
    ),
    "",
    "In brackets the most. heard: from the claim until the last isolate knew of it. beyond: clients that got more than",
    "the limit and what they sent until then. calls: the most that one isolate made to its hub within a second.",
    `Not found yet at the limit, as stated: ${first?.missAtLimit.toExponential(1)}.`,
  ].join("\n")}\n`;
}

/** Whether all is as promised: nobody got more, no isolate called more than once a second. */
export const thinHolds = (figures: readonly ThinFigures[]): boolean =>
  figures.every(
    ({ spread, beyond, handOversPerSecondMax }) =>
      spread === "off" || (beyond === 0 && handOversPerSecondMax <= 1),
  );

export const thinJson = (figures: readonly ThinFigures[]): string =>
  `${JSON.stringify({ rule: THIN_RULE, figures }, null, 2)}\n`;
