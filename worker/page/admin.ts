/** Calls of the HTTP API that the page makes for a person. */
import type { Chosen } from "./overview.ts";

/** Where the API is and what it asks for. */
export interface Access {
  /** Ends with a slash. */
  readonly base: string;
  readonly token: string;
}

/** The query of the live stream for a chosen client, or none. */
export function liveUrl({ base }: Access, chosen: Chosen | undefined): string {
  const url = new URL("v1/live", base);
  if (chosen !== undefined) {
    url.searchParams.set("rule", chosen.rule);
    url.searchParams.set("key", nameOf(chosen));
    if (isByHash(chosen)) url.searchParams.set("by", "hash");
  }
  return url.href;
}

const SHOWN_AS_HASH = /^[0-9a-f]{16}(?:[0-9a-f]{16})?$/;
/** Masked keys end in a star, which hides the rest. */
const isReadable = (key: string): boolean => !SHOWN_AS_HASH.test(key) && !key.includes("*");

const isByHash = ({ key, hash }: Chosen): boolean => hash !== null && !isReadable(key);
const nameOf = (chosen: Chosen): string =>
  isByHash(chosen) && chosen.hash !== null ? chosen.hash : chosen.key;

/** Whether its owner can be asked for it: a client that nobody claimed has no name but what is shown of it. */
export const isReachable = ({ key, hash }: Chosen): boolean => hash !== null || isReadable(key);

export type Change =
  | { readonly kind: "reset" | "release" }
  | { readonly kind: "block"; readonly seconds: number };

/** Carries a change out. Rejects with a sentence for people. */
export async function change({ base, token }: Access, chosen: Chosen, wanted: Change): Promise<void> {
  const resource = wanted.kind === "reset" ? "keys" : "blocks";
  const path = [chosen.rule, nameOf(chosen)].map(encodeURIComponent).join("/");
  const url = `${base}v1/${resource}/${path}${isByHash(chosen) ? "?by=hash" : ""}`;
  await answerOf(url, {
    method: wanted.kind === "block" ? "PUT" : "DELETE",
    headers: { authorization: `Bearer ${token}` },
    ...(wanted.kind === "block" && { body: JSON.stringify({ seconds: wanted.seconds }) }),
  });
}

/** The JSON of an answer. Rejects with what a refusal says. */
export async function answerOf(url: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url, { cache: "no-store", ...init });
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  throw new Error(detailOf(text) ?? `the Worker answered ${response.status}`);
}

/** What a refusal says in words, if it does. */
export function detailOf(text: string): string | undefined {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === "string" ? detail : undefined;
  } catch {
    return undefined;
  }
}
