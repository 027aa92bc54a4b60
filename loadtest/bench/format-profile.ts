/** A CPU profile as text for people. */
import { number, table } from "../tools/columns.ts";
import { section } from "./format.ts";
import type { ProfileFigures, Share } from "./profile.ts";

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const figures = ({ share, selfUs }: Share): string[] => [percent(share), selfUs.toFixed(2)];

export function formatProfile({ requests, samples, idle, functions, folders }: ProfileFigures): string {
  const native = (file: string | undefined): string => file ?? "V8 or workerd";
  return section(
    `Where the Worker's time goes, quiet clients, ${number(requests)} requests, ${number(samples)} samples, ${percent(idle)} of the time idle`,
    [
      table(
        [
          ["function", "file", "itself", "µs a request"],
          ...functions.map((share) => [share.name, native(share.file), ...figures(share)]),
        ],
        2,
      ),
      table(
        [["folder", "itself", "µs a request"], ...folders.map((share) => [share.name, ...figures(share)])],
        1,
      ),
    ],
  );
}
