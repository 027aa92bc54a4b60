/** The Worker as it would be without a limiter: the same answer, with headers that say the same all the time. */
import { answer } from "./answer.ts";

/** Response.json brings its own type. */
const headers = Object.fromEntries(
  Object.entries(answer.headers).filter(([name]) => name.toLowerCase() !== "content-type"),
);
const { pop } = JSON.parse(answer.body) as { readonly pop: string };

export default {
  fetch(request: Request): Response {
    const url = new URL(request.url);
    return Response.json({ pop, path: url.pathname }, { headers });
  },
} satisfies ExportedHandler;
