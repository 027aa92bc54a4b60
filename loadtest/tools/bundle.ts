/** `npm run bundle`: builds the deployable Worker as a deploy would, and holds it to its size. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, options, runCli } from "./cli.ts";

/**
 * Kilobytes, compressed: what an isolate has to fetch and parse before its first request. A third of it is what people
 * look at and steer with: the API, the stream of the live page, the metrics.
 */
const GZIP_KIB_MAX = 84;

const HELP = `npm run bundle

Builds the Worker with \`wrangler deploy --dry-run\` and fails if it is over ${GZIP_KIB_MAX} KiB compressed.
`;

await runCli(() => {
  options({}, HELP);
  const folder = mkdtempSync(join(tmpdir(), "onecount-bundle-"));
  try {
    const printed = execFileSync("wrangler", ["deploy", "--dry-run", "--outdir", folder], {
      encoding: "utf8",
      env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" },
    });
    const size = Number(/gzip: ([\d.]+) KiB/.exec(printed)?.[1]);
    if (!(size > 0)) fail(`wrangler did not say how large the bundle is: ${printed}`);
    if (size > GZIP_KIB_MAX) fail(`the bundle is ${size} KiB compressed; allowed: ${GZIP_KIB_MAX}`);
    console.log(`the Worker bundles to ${size} KiB compressed, of ${GZIP_KIB_MAX} allowed`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
