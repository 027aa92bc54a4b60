/** The core service: owns the objects, holds the links between them, answers for page and API. */
import { router } from "./api.ts";
import { type CoreEnv, inspectionOf } from "./env.ts";

export { HubLink } from "./hub-link.ts";
export { ClusterKeyOwner, ClusterRegionHub } from "./objects.ts";
export { Origin } from "./origin.ts";

export default {
  fetch(request: Request, env: CoreEnv): Promise<Response> {
    const { pathname } = new URL(request.url);
    const isAdmin = ["/healthz", "/metrics"].includes(pathname) || pathname.startsWith("/v1/");
    return isAdmin ? adminApi(request, env) : router.fetch(request, env);
  },
};

/** The admin API, as the first POP answers it. */
function adminApi(request: Request, env: CoreEnv): Promise<Response> {
  const [pop] = env.CLUSTER.pops;
  return inspectionOf(env, pop?.name ?? "").fetch(request);
}
