/** The core service: owns the objects, holds the links between them, answers for page and API. */
import { router } from "./api.ts";
import type { CoreEnv } from "./env.ts";

export { HubLink } from "./hub-link.ts";
export { ClusterKeyOwner, ClusterRegionHub } from "./objects.ts";
export { Origin } from "./origin.ts";

export default { fetch: (request: Request, env: CoreEnv): Promise<Response> => router.fetch(request, env) };
