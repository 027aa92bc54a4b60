/**
 * Hostile requests, and what must become of each: a row is sent with clients and keys that no other row has.
 *
 *   alone   one request and its answer
 *   same    a plain request, and another spelling of it: they are one client under one rule, and so the second is denied
 *   apart   two clients: neither uses up what the other has
 *
 * Answers of `-` come from the server itself, before any Worker: it refuses what it cannot read.
 */
import { ADDRESS_ROWS } from "./rows-addresses.ts";
import { HEADER_ROWS } from "./rows-headers.ts";
import { KEY_ROWS } from "./rows-keys.ts";
import { TARGET_ROWS } from "./rows-targets.ts";

export const ROWS = [...ADDRESS_ROWS, ...KEY_ROWS, ...TARGET_ROWS, ...HEADER_ROWS];
