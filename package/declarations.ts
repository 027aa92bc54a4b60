/**
 * The declarations of the package: as the compiler writes them, but only those that an entry leads to. What nobody can
 * name should not be in the package, and could need types that a project does not have.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import ts from "typescript";
import { fail } from "../loadtest/tools/cli.ts";
import { ENTRIES, PEERS, ROOT } from "./entries.ts";

/** What declarations may import: the platform's own module, and what only its users import. */
const ALLOWED: readonly string[] = ["cloudflare:workers", ...PEERS];

/** Writes the declarations into `folder`. */
export function declareInto(folder: string): void {
  const emitted = mkdtempSync(join(tmpdir(), "onecount-types-"));
  try {
    compile(emitted);
    const seen = new Set<string>();
    const waiting = Object.values(ENTRIES).map(declarationOf);
    for (const file of waiting) {
      if (seen.has(file)) continue;
      seen.add(file);
      const { text, imports } = read(join(emitted, file), file);
      waiting.push(...imports);
      mkdirSync(dirname(join(folder, "types", file)), { recursive: true });
      writeFileSync(join(folder, "types", file), text);
    }
    // An entry's declarations stand beside it, and lead to the others.
    for (const [name, source] of Object.entries(ENTRIES))
      writeFileSync(join(folder, `${name}.d.ts`), entry(source));
  } finally {
    rmSync(emitted, { recursive: true, force: true });
  }
}

function compile(outDir: string): void {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const project = join(ROOT, "package/tsconfig.declarations.json");
  try {
    execFileSync(process.execPath, [tsc, "-p", project, "--outDir", outDir], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  } catch (error) {
    fail(`the declarations do not compile:\n${String((error as { stdout?: unknown }).stdout)}`);
  }
}

const declarationOf = (source: string): string => source.replace(/\.ts$/, ".d.ts");

function entry(source: string): string {
  const from = JSON.stringify(`./types/${source.replace(/\.ts$/, ".js")}`);
  const hasDefault = readFileSync(join(ROOT, source), "utf8").includes("export default");
  return `export * from ${from};\n${hasDefault ? `export { default } from ${from};\n` : ""}`;
}

/** A declaration with what it imports, which the compiler leaves with the names of sources. */
function read(path: string, file: string): { text: string; imports: string[] } {
  const imports: string[] = [];
  let text = readFileSync(path, "utf8");
  // From the end, for positions before a change stay as they are.
  for (const { fileName, pos, end } of ts.preProcessFile(text).importedFiles.toReversed()) {
    if (!fileName.startsWith(".")) {
      if (!ALLOWED.includes(fileName)) fail(`${file}: declarations must not need the types of ${fileName}`);
      continue;
    }
    imports.push(join(dirname(file), declarationOf(fileName)));
    // The quotes are part of neither position nor name.
    text = `${text.slice(0, pos + 1)}${fileName.replace(/\.ts$/, ".js")}${text.slice(end + 1)}`;
  }
  return { text, imports };
}
