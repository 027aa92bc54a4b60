/** The slide that the idea comes from: counted locally, claimed by the busy location, forwarded by all. */
import { check } from "k6";
import type { Options } from "k6/options";
import { type Answer, addressOf, POPS, planned, popAt, type Run, send, setup, thresholds } from "./lib.ts";

export { setup };

const { limit, threshold, bound } = planned("slide");
/** For the claim to reach every POP; the way round the world and back takes a third of it. */
const ANNOUNCED_MS = 1_000;

export const options: Options = {
  discardResponseBodies: true,
  scenarios: { slide: { executor: "shared-iterations", vus: 1, iterations: 1, maxDuration: "1m" } },
  thresholds: thresholds({
    checks: ["rate==1"],
    admitted: [`count<=${bound}`, `count==${limit}`],
  }),
};

const decisions = (seen: readonly Answer[]): string => seen.map(({ decision }) => decision).join(" ");

export default async function (run: Run): Promise<void> {
  if (POPS.length < 2) throw new Error("the slide needs two POPs at least");
  const client = addressOf(run, 0);
  const [home, other] = [popAt(0), popAt(1)];
  const ask = (pop: { name: string; url: string }): Promise<Answer> => send("slide", pop, client);

  const silent: Answer[] = [];
  for (let number = 1; number < threshold; number += 1) silent.push(await ask(home));
  for (let number = 2; number < threshold; number += 1) silent.push(await ask(other));
  check(decisions(silent), {
    [`1. ${threshold - 1} at ${home.name} and ${threshold - 2} at ${other.name} are counted locally`]: (
      seen,
    ) => seen === silent.map(() => "credit").join(" "),
  });

  check(await ask(home), {
    [`2. no. ${threshold} at ${home.name} claims the client`]: ({ decision }) => decision === "owner",
  });

  await new Promise<void>((resolve) => setTimeout(resolve, ANNOUNCED_MS));
  let sent = silent.length + 1;
  for (const pop of [...POPS.slice(1), home]) {
    if (sent >= limit) break;
    check(await ask(pop), {
      [`3. ${pop.name} forwards`]: ({ status, decision }) => status === 200 && decision === "owner",
    });
    sent += 1;
  }

  // The rest of the quota, wherever; nothing is left then for anybody.
  for (; sent < limit; sent += 1) {
    check(await ask(popAt(sent)), { "all of the quota can be used": ({ status }) => status === 200 });
  }
  for (const pop of POPS) {
    check(await ask(pop), { [`then ${pop.name} denies`]: ({ status }) => status === 429 });
  }
}
