/**
 * The numbers under which messages and rows are written. After a deploy new Workers talk to old objects for
 * minutes, and a gradual one keeps both for as long as it likes, so every frame and row begins with its number.
 *
 * A field that readers can do without needs no new number: they ignore what they do not know. A field without
 * which the others mislead does: a reader of schema 1 would take an empty token bucket for a full one. One that
 * changes its meaning or goes away needs a conversion in `codec.ts` besides, both ways, for as long as
 * `SCHEMA_MIN` is below it.
 *
 * | schema | what came |
 * |---|---|
 * | 1 | Ask, Answer, Announcement, hub frames, the row of an account |
 * | 2 | policy: `threshold`, `burst`, `blockForMs`, the algorithm `token-bucket`; answers: `claimedUntil`; rows: `meter.fill`, `meter.fillAt`, and behind the row the time until which it is worth keeping |
 *
 * Came later, without a number of their own, as readers do without them: of policies `lease`, `grace`, `reserve` and
 * `tellSources`, of Asks `ahead`, `kept` and `claimSeen` (an owner that does not know them grants what is wanted); of
 * answers `limit`, `busy`, `keptBack` and `sources`; of announcements `claimedBy`, `found` and `sources`; of frames
 * `watched`; of rows `override`, `baseZero` and the last two numbers of a source; commands, which an object that has no
 * `command` does not take, and of their results `lent`, `reserved` and `busy`.
 *
 * All that came with 2 is optional for readers, so a frame of schema 1 is the same value under the number 1.
 */

/** The schema this code writes when it does not know better. */
export const SCHEMA = 2;
/** The oldest one it reads and, asked to, writes. What everyone must read, refusals above all, is written in it. */
export const SCHEMA_MIN = 1;
