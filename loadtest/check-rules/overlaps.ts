/** Which of two rules counts every request that the other counts; in doubt neither does. */
import { readKeyPart } from "../../shared/key-parts.ts";
import type { Conditions, Rule } from "../../shared/rule.ts";

/** Parts that a client changes as it likes, from one request to the next. */
export const CHOSEN_PARTS = ["header", "cookie", "query"];
/** Parts that stay the same whatever a client sends. */
const GIVEN_PARTS = ["ip", "country", "asn", "all"];

export const kindOf = (part: string): string => readKeyPart(part)?.kind ?? "";

/** Whether a rule counts by nothing that a client could change, so that it holds whatever is sent. */
export const countsByGiven = ({ key }: Rule): boolean =>
  key.every((part) => GIVEN_PARTS.includes(kindOf(part)));

/**
 * Whether all requests of `narrow` are requests of `wide`. Decided are: paths that are the same, or below the plain
 * path of a `/…/*`; lists of which one holds the other; the same `not`, or none; the same plan, or none. Anything
 * else is in doubt.
 */
export function coversAllOf(wide: Rule, narrow: Rule): boolean {
  const { paths, not } = wide.match;
  return (
    narrow.match.paths.every((path) => paths.some((wider) => pathCovers(wider, path))) &&
    conditionsCover(wide.match, narrow.match) &&
    (not === undefined || same(not, narrow.match.not)) &&
    isWithin(wide.allow, narrow.allow) &&
    (wide.plan === undefined || same(wide.plan, narrow.plan))
  );
}

/** A folder of plain text, which no syntax reads otherwise, and all below it. */
const FOLDER = /^([\w.~/-]*\/)\*{1,2}$/;

function pathCovers(wide: string, narrow: string): boolean {
  const [wider, path] = [wide.toLowerCase(), narrow.toLowerCase()];
  if (wider === path || wider === "*") return true;
  const folder = FOLDER.exec(wider)?.[1];
  return folder !== undefined && (path.startsWith(folder) || `${path}/` === folder || folder === "/");
}

function conditionsCover(wide: Conditions, narrow: Conditions): boolean {
  const lists = (["methods", "hosts", "country", "asn"] as const).every((field) =>
    holds(wide[field], narrow[field]),
  );
  const tables = (["headers", "query"] as const).every((field) =>
    Object.entries(wide[field] ?? {}).every(([name, values]) => {
      const asked = narrow[field]?.[name];
      return asked !== undefined && (values.includes("*") || isWithin(asked, values));
    }),
  );
  return lists && tables;
}

const holds = (wide: readonly unknown[] | undefined, narrow: readonly unknown[] | undefined): boolean =>
  wide === undefined || (narrow !== undefined && isWithin(narrow, wide));

const isWithin = (items: readonly unknown[], list: readonly unknown[]): boolean =>
  items.every((item) => list.includes(item));

/** Tables of one meaning: the order of their fields does not matter. */
const same = (a: unknown, b: unknown): boolean => ordered(a) === ordered(b);

const ordered = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  ) ?? "";
