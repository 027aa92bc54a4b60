/** Every bound of the replay, each with its reason. */

/** A longer line is shown as unparsed. Servers refuse request lines far below this; a file of one line must not fill the memory. */
export const LINE_CHARS_MAX = 65_536;
/** Requests in one slice, about 300 bytes each: 300 MB. More is a load test, not a replay. */
export const REQUESTS_MAX = 1_000_000;
/** Unparsed lines that are shown; all are counted. */
export const UNPARSED_SHOWN = 5;
/** Characters of a shown line. Its number finds it in the log; this much tells what it is, on one line of a terminal. */
export const SHOWN_CHARS_MAX = 40;
/** The slice without `--for`. */
export const SLICE_DEFAULT_MS = 60_000;
/** A rule's shortest window: below it the clock skew that the protocol accepts is as long as the window. */
export const WINDOW_MS_MIN = 1_000;
/** A request without an answer for so long has failed. Every deadline of the limiter ends far earlier. */
export const ANSWER_MS_MAX = 30_000;
/** Connections to one POP. Past it requests wait in the sender, and the report's lateness and times show it. */
export const CONNECTIONS_MAX = 512;
/** An idle connection is dropped before workerd drops it (5 s), so that no request meets a closing one. */
export const IDLE_CONNECTION_MS = 2_000;
/** Cut-off for the shown list of clients. */
export const BUSIEST_CLIENTS = 10;
/** Numbers in one list of the command line: a longer table says no more. */
export const LIST_MAX = 32;
/** Requests between two pauses of a run in virtual time, in which it looks whether it shall stop: a few ms. */
export const REQUESTS_PER_PAUSE = 1_000;
