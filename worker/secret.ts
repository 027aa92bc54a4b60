/** From KEY_SECRET to the words that keys are hashed under. */

/** Used when no KEY_SECRET is set, so that a first try needs no setup. The rules check warns of it. */
const DEVELOPMENT_SECRET = "onecount: no KEY_SECRET is set";

/** 256 bits of the secret as eight words, different for every purpose: one use of it tells nothing of another. */
export async function secretWords(
  purpose: "keys" | "loop" | "sample",
  secret: string | undefined,
): Promise<Uint32Array> {
  const text = new TextEncoder().encode(`${purpose}:${secret || DEVELOPMENT_SECRET}`);
  return new Uint32Array(await crypto.subtle.digest("SHA-256", text));
}
