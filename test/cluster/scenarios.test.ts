/** The scenarios in workerd, over HTTP. test/unit/scenarios.test.ts plays the same in the simulator. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { ClusterStage } from "../scenarios/cluster-stage.ts";
import { RULE, SCENARIOS, type Scenario } from "../scenarios/scenarios.ts";
import { Player, POPS } from "../scenarios/stage.ts";

const nameOf = (scenario: Scenario): string => `scenario-${SCENARIOS.indexOf(scenario)}`;

async function play(scenario: Scenario, cluster: Cluster): Promise<void> {
  const player = new Player(new ClusterStage(cluster, nameOf(scenario)));
  await scenario.play(player);
  expect(player.transcript).toEqual(scenario.transcript);
}

describe("with good rules", () => {
  const scenarios = SCENARIOS.filter(({ unreadable }) => unreadable === undefined);
  let cluster: Cluster;
  beforeAll(async () => {
    const rules = scenarios.map((scenario) => {
      const name = nameOf(scenario);
      return { ...RULE, ...scenario.rule, name, match: { path: `/${name}` } };
    });
    cluster = await startCluster({ rules, pops: POPS });
  });
  afterEach(() => cluster.fault({ heal: true }));
  afterAll(() => cluster.stop());

  it.each(scenarios)("$row: $name", (scenario) => play(scenario, cluster));
});

describe("with rules that cannot be read", () => {
  it.each(SCENARIOS.filter(({ unreadable }) => unreadable !== undefined))("$name", async (scenario) => {
    const vars = { FAIL_CLOSED_ON_BAD_CONFIG: String(scenario.unreadable?.failClosed) };
    const cluster = await startCluster({ rules: [{ name: "no limit" }], unchecked: true, vars });
    try {
      await play(scenario, cluster);
    } finally {
      await cluster.stop();
    }
  });
});
