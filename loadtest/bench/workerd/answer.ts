/** What the Workers without a limiter are told: an answer of the one with a limiter, so that theirs look the same. */
import { env } from "cloudflare:workers";
import type { Answer } from "../http-answer.ts";

export const answer: Answer = (env as unknown as { readonly ANSWER: Answer }).ANSWER;
