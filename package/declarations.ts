/**
 * The declarations of the package: as the compiler writes them, but only those that an entry leads to. What nobody can
 * name should not be in the package, and could need types that a project does not have.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fail } from "../loadtest/tools/cli.ts";
import { ENTRIES, PEERS, ROOT } from "./entries.ts";

/** What declarations may import: the platform's own module, and what only its users import. */
const ALLOWED: readonly string[] = ["cloudflare:workers", ...PEERS];

const SPECIFIER = /(\bfrom |\bimport\(|^import )"([^"]+)"/gm;

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
  const text = readFileSync(path, "utf8").replace(SPECIFIER, (whole, before: string, specifier: string) => {
    if (!specifier.startsWith(".")) {
      if (!ALLOWED.includes(specifier)) fail(`${file}: declarations must not need the types of ${specifier}`);
      return whole;
    }
    imports.push(relative(".", join(dirname(file), declarationOf(specifier))));
    return `${before}"${specifier.replace(/\.ts$/, ".js")}"`;
  });
  return { text, imports };
}
