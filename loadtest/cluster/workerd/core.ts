/** The core service: owns the objects, holds the links between them, answers for page and API. */
import { WorkerEntrypoint } from "cloudflare:workers";
import { router } from "./api.ts";
import type { CoreEnv } from "./env.ts";

export { HubLink } from "./hub-link.ts";
export { ClusterKeyOwner, ClusterRegionHub } from "./objects.ts";

/** The built-in origin behind a POP. The POP's name is bound to it as a prop. */
export class Origin extends WorkerEntrypoint<CoreEnv, { readonly pop: string }> {
  override fetch(request: Request): Response {
    return Response.json({ pop: this.ctx.props.pop, path: new URL(request.url).pathname });
  }
}

export default { fetch: (request: Request, env: CoreEnv): Promise<Response> => router.fetch(request, env) };
