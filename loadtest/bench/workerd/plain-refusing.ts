/** A Worker that refuses whatever comes, in the words of the one with a limiter: no refusal can cost less. */
import { answer } from "./answer.ts";

const { status, headers, body } = answer;

export default {
  fetch(): Response {
    return new Response(body, { status, headers });
  },
} satisfies ExportedHandler;
