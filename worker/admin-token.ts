/** Who may use the HTTP API: whoever has ADMIN_TOKEN. */
import { hex32 } from "../shared/hash.ts";

/** A short token can be guessed; one that is empty or blank is none. */
const usable = (token: string | undefined): string | undefined => (token?.trim() ? token.trim() : undefined);

/**
 * The token's name for logs, the beginning of its hash, if a request carries ADMIN_TOKEN as `Authorization: Bearer …`;
 * `undefined` if it does not, or none is set. Both are hashed, so that they are of one length, and compared in a time
 * that does not depend on where they differ.
 */
export async function tokenOf(request: Request, adminToken: string | undefined): Promise<string | undefined> {
  const expected = usable(adminToken);
  const carried = /^Bearer +(\S.*)$/i.exec(request.headers.get("Authorization") ?? "")?.[1];
  // Where none is set, what was carried is compared all the same: that takes as long.
  const [right, said] = await Promise.all([sha256(expected ?? ""), sha256(carried?.trim() ?? "")]);
  const isRight = crypto.subtle.timingSafeEqual(right, said);
  return expected !== undefined && carried !== undefined && isRight ? nameOf(right) : undefined;
}

const sha256 = (text: string): Promise<ArrayBuffer> =>
  crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));

const nameOf = (hash: ArrayBuffer): string => hex32(new DataView(hash).getUint32(0));
