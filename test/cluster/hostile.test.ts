/** Hostile requests: each has the answer that its row says, and all of them together leave no more than they may. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { LABEL_MAX } from "../../shared/limits.ts";
import { shoot } from "./hostile/raw.ts";
import type { Row } from "./hostile/row.ts";
import { ROWS } from "./hostile/rows.ts";
import { HOSTILE_RULES } from "./hostile/rules.ts";

const POP = "LHR";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: HOSTILE_RULES, pops: [POP], distance: 0 });
});
afterAll(() => cluster.stop());

let sent = 0;
/** Plays a row with clients that no other row has, nor this one before. */
async function play({ steps }: Row): Promise<{ readonly seen: string[]; readonly expected: string[] }> {
  const n = sent++;
  const seen: string[] = [];
  for (const [make, answer] of steps) {
    const said = await shoot(cluster, POP, make(n, `q${n}`));
    seen.push(answer === null ? "" : said);
  }
  return { seen, expected: steps.map(([, answer]) => answer ?? "") };
}

it("are at least 300, each with a name of its own", () => {
  expect(ROWS.length).toBeGreaterThanOrEqual(300);
  expect(new Set(ROWS.map(({ what }) => what)).size).toBe(ROWS.length);
});

describe("a hostile request", () => {
  it.each(ROWS.map((row) => [row.what, row] as const))("%s", async (_, row) => {
    const { seen, expected } = await play(row);
    expect(seen).toEqual(expected);
  });
});

it("and nothing long is kept of them, at POPs or at owners", async () => {
  const { pops, owners } = await cluster.state();
  const kept = [...pops.flatMap(({ keys }) => keys), ...owners].map(({ key }) => key.length);
  expect(kept.length).toBeGreaterThan(ROWS.length);
  expect(Math.max(...kept)).toBe(LABEL_MAX);
});
