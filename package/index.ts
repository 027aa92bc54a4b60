/** What `import … from "onecount"` gives: the middleware of a plain Worker, and the classes that every Worker exports. */
export { KeyOwner } from "../coordinator/key-owner.ts";
export { RegionHub } from "../coordinator/region-hub.ts";
export type { HeaderStyle } from "../shared/headers.ts";
/** The bindings and variables that are read: `interface Env extends RateLimitEnv { … }`. */
export type { Env as RateLimitEnv } from "../worker/env.ts";
export type { Denied, Options } from "../worker/options.ts";
export { withRateLimit } from "../worker/plain.ts";
export { RateLimiter } from "../worker/rate-limiter.ts";
