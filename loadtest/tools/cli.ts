/**
 * What every command shares: options that refuse what they do not know, help, and failures of one line.
 * The contract for all commands: exit 0 when all is well, else one clear line on stderr and exit 1.
 */
import { readFileSync } from "node:fs";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { quote } from "../../shared/quote.ts";

type Spec = NonNullable<ParseArgsConfig["options"]>;
type Parsed<S extends Spec> = ReturnType<
  typeof parseArgs<{ options: S; allowPositionals: true; strict: true; args: string[] }>
>;

/** Ends a command early. It is thrown, not exited, so that `finally` blocks stop servers and remove files. */
class EndOfCommand extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Ends the command: `onecount: message` on stderr, exit 1. Only within `runCli`. */
export function fail(message: string): never {
  throw new EndOfCommand(message, 1);
}

/**
 * The command line by `spec` (as `node:util` parseArgs takes it). `--help` and `-h` print `help` and end
 * the command with exit 0; an unknown option, a missing value or a surplus argument ends it with exit 1.
 */
export function options<const S extends Spec>(
  spec: S,
  help: string,
  positionalsMax = 0,
  args: string[] = process.argv.slice(2),
): Parsed<S> {
  // Help is looked for first: it is most wanted by someone whose other options are wrong.
  const end = args.indexOf("--");
  const before = end === -1 ? args : args.slice(0, end);
  if (before.includes("--help") || before.includes("-h")) {
    process.stdout.write(help.endsWith("\n") ? help : `${help}\n`);
    throw new EndOfCommand("", 0);
  }
  const parsed = parse(spec, args);
  const surplus = parsed.positionals[positionalsMax];
  if (surplus !== undefined) fail(`unexpected argument ${quote(surplus)} (see --help)`);
  return parsed;
}

function parse<const S extends Spec>(spec: S, args: string[]): Parsed<S> {
  try {
    return parseArgs({ options: spec, allowPositionals: true, strict: true, args });
  } catch (error) {
    // Node explains at length after the first sentence; that much is enough here.
    const [sentence = ""] = messageOf(error).split(/\.\s|\n/);
    return fail(`${sentence.charAt(0).toLowerCase()}${sentence.slice(1).replace(/\.$/, "")} (see --help)`);
  }
}

/** Runs a command and sets the exit code: the number `main` returns, else 0; 1 when it fails. */
export async function runCli(main: () => unknown): Promise<void> {
  // The reader of a pipe may leave early (`… | head`); that is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  try {
    const result = await main();
    process.exitCode = typeof result === "number" ? result : 0;
  } catch (error) {
    if (!(error instanceof EndOfCommand)) {
      console.error("onecount: unexpected error, please report it:", error);
      process.exit(1);
    }
    if (error.message !== "") console.error(`onecount: ${error.message}`);
    process.exit(error.exitCode);
  }
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be read (permissions)",
  EPERM: "it may not be read (permissions)",
  EISDIR: "it is a directory",
};

/** Why a file cannot be used, in words: `cannot read x.toml: there is no such file`. */
export function fileProblem(path: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return `cannot read ${path}: ${FILE_ERRORS[code] ?? messageOf(error)}`;
}

/** The text of a file; ends the command with one line when it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return fail(fileProblem(path, error));
  }
}

/** The message of whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
