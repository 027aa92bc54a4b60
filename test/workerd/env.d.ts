import type { Env } from "../../worker/env.ts";

declare global {
  namespace Cloudflare {
    // The tests' `env` is the Worker's.
    interface Env extends OnecountEnv {}
  }
  type OnecountEnv = Env;
}
