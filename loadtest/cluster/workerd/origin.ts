/** The built-in origin behind a POP. */
import { WorkerEntrypoint } from "cloudflare:workers";

/** The POP's name is bound to it as a prop. */
export class Origin extends WorkerEntrypoint<unknown, { readonly pop: string }> {
  override fetch(request: Request): Response {
    return Response.json({ pop: this.ctx.props.pop, path: new URL(request.url).pathname });
  }
}
