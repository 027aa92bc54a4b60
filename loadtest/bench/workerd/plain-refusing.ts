/**
 * The Worker as it would be without a limiter, if its own answer were a refusal in the words of the one with a limiter:
 * it reads the request and builds its answer, with headers that say the same all the time.
 */
import { answer } from "./answer.ts";

const { status, headers } = answer;
const problem: object = JSON.parse(answer.body);

export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok");
    return Response.json(problem, { status, headers });
  },
} satisfies ExportedHandler;
