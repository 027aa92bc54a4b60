import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // One of the cluster files mostly waits: two at a time fill two cores.
    maxWorkers: 2,
    projects: [
      // The core and the tools, in Node.
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      // The Worker and its objects, in workerd.
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } })],
        test: { name: "workerd", include: ["test/workerd/**/*.test.ts"] },
      },
      // The whole thing over HTTP, in a local cluster. Each file starts its own.
      {
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
