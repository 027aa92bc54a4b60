/** Programs of this machine. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program is: in the first folder of the PATH that has it, else in the first of `more`. */
export function findProgram(
  program: string,
  env: NodeJS.ProcessEnv,
  more: readonly string[] = [],
): string | undefined {
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...folders, ...more]
    .flatMap((folder) => [join(folder, program), join(folder, `${program}.exe`)])
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    // A folder that may be entered is no program.
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
