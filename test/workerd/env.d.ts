import type { Env } from "../../worker/env.ts";

declare global {
  namespace Cloudflare {
    // The tests' `env` is the Worker's.
    interface Env extends OnecountEnv {}
    // And so are the entrypoints in `exports`.
    interface GlobalProps {
      mainModule: typeof import("../../worker/index.ts");
    }
  }
  type OnecountEnv = Env;
}
