import { expect, it } from "vitest";
import { popHere, UNKNOWN_POP } from "../../worker/place.ts";

it("the data centre is read once, from the first request that says it", () => {
  const at = (colo: string) => new Request("https://site/", { cf: { colo } as CfProperties });
  // One that another Worker made says nothing.
  expect(popHere(new Request("https://site/"))).toBe(UNKNOWN_POP);
  expect(popHere(at("LHR"))).toBe("LHR");
  expect(popHere(at("CDG"))).toBe("LHR");
  expect(popHere(new Request("https://site/"))).toBe("LHR");
});
