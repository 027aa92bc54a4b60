/** What the throughput is measured under: the rules, who sends what, and how every answer must look. */
import { addressOf } from "./decide.ts";

export interface Scenario {
  readonly name: string;
  readonly text: string;
  /** The share of the throughput without a limiter that is to be left. */
  readonly goal: number;
  /** As they would stand in a wrangler.toml. */
  readonly rules: readonly object[];
  readonly path: string;
  /** The address of the client that sends request `index`, counted over the whole scenario. */
  readonly address: (index: number) => string;
  readonly status: 200 | 429;
  /** The entry that does the same without a limiter, in `workerd/`. */
  readonly plain: "plain-passing" | "plain-refusing";
  /** Owner objects that there are at the end: none where credit decides, one where its client was denied. */
  readonly owners: number;
}

/** Clients of the scenarios in which each of them comes again and again. */
const CLIENTS = 10_000;
/** Other paths' rules in the scenario with many. */
const OTHER_RULES = 39;

/**
 * Like the rule for a whole site in `wrangler.toml`, with the highest threshold that it may have: a benchmark's
 * clients come more often than people do, and none of them is to be busy here.
 */
const SITE = { name: "site", limit: 300, window: "1m", threshold: 300 } as const;

const quietClient = (index: number): string => addressOf(index % CLIENTS);

/** Rules that do not match `/api/orders/17`, some of which must be compared to its end to tell. */
const otherRules = (): readonly object[] =>
  Array.from({ length: OTHER_RULES }, (_, index) => {
    const path = [`/api/x${index}`, `/api/*/x${index}`, `/x${index}/**`, `/api/**/x${index}`][index % 4];
    return { ...SITE, name: `other-${index}`, match: { path } };
  });

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "quiet",
    text: "quiet clients",
    goal: 0.9,
    rules: [SITE],
    path: "/orders/17",
    address: quietClient,
    status: 200,
    plain: "plain-passing",
    owners: 0,
  },
  {
    name: "blocked",
    text: "one blocked client",
    goal: 0.9,
    // Blocked for longer than the benchmark takes, so that no window ends in the midst of it.
    rules: [{ ...SITE, name: "login", limit: 20, threshold: 1, block_for: "1h" }],
    path: "/orders/17",
    address: () => addressOf(0),
    status: 429,
    plain: "plain-refusing",
    owners: 1,
  },
  {
    name: "flood",
    text: "a flood of clients",
    goal: 0.85,
    rules: [SITE],
    path: "/orders/17",
    address: addressOf,
    status: 200,
    plain: "plain-passing",
    owners: 0,
  },
  {
    name: "rules",
    text: "quiet clients, 40 rules",
    goal: 0.85,
    rules: [...otherRules(), SITE],
    path: "/api/orders/17",
    address: quietClient,
    status: 200,
    plain: "plain-passing",
    owners: 0,
  },
];

/** A request as a small client sends it. `host`: with its port. */
export const requestText = (host: string, path: string, address: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: onecount-bench\r\nAccept: */*\r\nCF-Connecting-IP: ${address}\r\n\r\n`;
