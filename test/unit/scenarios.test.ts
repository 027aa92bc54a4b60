/** The scenarios in the simulator. test/cluster/scenarios.test.ts plays the same in workerd. */
import { expect, it } from "vitest";
import { ROWS } from "../../loadtest/planet/faults.ts";
import { SCENARIOS } from "../scenarios/scenarios.ts";
import { Player } from "../scenarios/stage.ts";
import { VirtualStage } from "../scenarios/virtual-stage.ts";

it.each(SCENARIOS)("$row: $name", async (scenario) => {
  const player = new Player(new VirtualStage(scenario));
  await scenario.play(player);
  expect(player.transcript).toEqual(scenario.transcript);
});

it("has a scenario for the slide and for every row of the failure table", () => {
  expect(new Set(SCENARIOS.map(({ row }) => row))).toEqual(new Set(["slide", ...Object.keys(ROWS)]));
});
