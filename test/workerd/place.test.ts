import { expect, it } from "vitest";
import { placeOf, popHere, UNKNOWN_POP } from "../../worker/place.ts";

it("the data centre is read once, from the first request that says it when a place is read", () => {
  const at = (colo: string) => new Request("https://site/", { cf: { colo } as CfProperties });
  // One that another Worker made says nothing.
  expect(popHere(new Request("https://site/"))).toBe(UNKNOWN_POP);
  // To look again at every request would cost more than to decide it.
  expect(popHere(at("LHR"))).toBe(UNKNOWN_POP);
  expect(placeOf(at("LHR")).colo).toBe("LHR");
  expect(popHere(at("CDG"))).toBe("LHR");
  expect(placeOf(at("CDG")).colo).toBe("CDG");
  expect(popHere(new Request("https://site/"))).toBe("LHR");
});
