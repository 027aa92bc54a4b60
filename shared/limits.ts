/** Every bound of the running system, each with its reason. No literal timeout, size or count stands elsewhere. */
import { type DurationMs, durationMs } from "./time.ts";

// ── Clocks and messages ─────────────────────────────────────────────────────────────────────────

/** How far a source's clock may run ahead of an owner's. Cloudflare's machines keep NTP time; 1 s is generous. */
export const CLOCK_SKEW_MAX: DurationMs = durationMs(1_000);
/**
 * How long a message can be under way. An Ask lives in its sender's `waitUntil`, which ends about 30 s
 * after the response; a source silent for longer than this can no longer repeat an old Ask.
 */
export const MESSAGE_LIFE_MAX: DurationMs = durationMs(60_000);

// ── Asking ──────────────────────────────────────────────────────────────────────────────────────

/** Bounds of the automatic deadline: below 200 ms a first access to an object would time out, above 1 s a person waits. */
export const DEADLINE_AUTO_MIN: DurationMs = durationMs(200);
export const DEADLINE_AUTO_MAX: DurationMs = durationMs(1_000);
/** The automatic deadline is 2 × the smoothed round trip plus this: room for a write and one retry. */
export const DEADLINE_AUTO_SLACK: DurationMs = durationMs(100);
/** Weight of a new sample in the smoothed round trip: 1/8, as TCP's (RFC 6298). */
export const ROUND_TRIP_WEIGHT = 1 / 8;
/** `Retry-After` of a 503: the owner may be reached again at any moment, and the quota is not used up. */
export const UNAVAILABLE_RETRY: DurationMs = durationMs(1_000);
/** Costs one Ask may carry. Keeps the owner's work per message bounded; the rest goes in the next. */
export const WANT_MAX = 1_024;
/** Asks of several keys in one call to a shared owner: about 300 bytes each. */
export const BATCH_MAX = 256;
/**
 * First claims of keys with an object of their own, per second and at once, in one isolate. An account may look
 * up new objects only so fast; a flood of keys must not become a flood of objects. What exceeds it is decided
 * by `on_failure`.
 */
export const CLAIMS_PER_SECOND = 50;
export const CLAIMS_BURST = 200;
/**
 * Requests that may wait for one key in one isolate: three Asks full. One is out, and who waits for the one after
 * next leaves within two round trips, which is within the automatic deadline. Who came behind them would wait for
 * nothing, until that deadline passes: such a request is decided by `on_failure` at once.
 */
export const WAITERS_MAX = 3 * WANT_MAX;
/**
 * Requests that may wait in one isolate for all keys together, decided by `on_failure` beyond. One that waits takes
 * 5 KB of the isolate's heap (measured in workerd, with 4,000 of them): 41 MB, beside the table and the hot keys.
 */
export const WAITERS_MAX_ALL = 8_192;
/** Who waits is counted when the list of them has doubled since, and when it has come to this: about 10 KB. */
export const WAITERS_RECOUNT_MIN = 64;
/** A request waits no longer: two deadlines, of which none is longer than 10 s. Who is still there then has no context any more. */
export const WAIT_MAX: DurationMs = durationMs(20_000);
/** How long one request's context sends Asks for others. `waitUntil` lasts about 30 s on Cloudflare; another request takes over. */
export const LEADER_MS_MAX: DurationMs = durationMs(15_000);
/**
 * How long an object is taken for one of an older release after it said so. Objects are upgraded within about
 * 5 minutes of a deploy; asking once a minute in the newest schema costs one call.
 */
export const DIALECT_TRUST: DurationMs = durationMs(60_000);
/** Objects of older releases an isolate remembers: about 200 bytes each. One that is forgotten costs a call. */
export const DIALECTS_MAX = 4_096;
/** A report waits up to this, at random, so that a claim does not bring every source to the owner at once. */
export const REPORT_JITTER_MAX: DurationMs = durationMs(50);
/** Pauses between attempts to hand a report over: doubling, jittered, short enough that a mended link is used within 1 s. */
export const REPORT_RETRY_MIN: DurationMs = durationMs(200);
export const REPORT_RETRY_MAX: DurationMs = durationMs(800);
/** After an owner said that it is overloaded: doubling, jittered, then one probe. */
export const BREAKER_BACKOFF_MIN: DurationMs = durationMs(250);
export const BREAKER_BACKOFF_MAX: DurationMs = durationMs(8_000);
/**
 * How long a block is believed without hearing it again. A lost `released` keeps a client out at most so
 * long; longer costs accuracy after an admin's reset, shorter costs Asks for blocked clients.
 */
export const BLOCK_TRUST: DurationMs = durationMs(10_000);

/**
 * How long a call by hand (a command to an owner, a look at a hub's claims) waits: longer than an object takes that
 * starts far away, shorter than a person gives up after.
 */
export const COMMAND_MAX: DurationMs = durationMs(5_000);

// ── Leases ──────────────────────────────────────────────────────────────────────────────────────

/**
 * With `lease = "auto"` sources ask for what they use, and are granted no more than this share of what is left, so that
 * the same again is there for whoever asks next.
 */
export const LEASE_AUTO = 0.5;
/**
 * How long credit is held ahead while nobody comes for it. Clients come in bursts seconds apart: with 300 ms each burst of
 * a real log brought a lease and took it back, twice as many owner calls in all. What is kept harms nobody while
 * there is room; when there is none, the news of that brings it back at once.
 */
export const LEASE_LIFE_MAX: DurationMs = durationMs(10_000);
/** And no longer than this part of a window. */
export const LEASE_LIFE_SHARE = 1 / 6;
/** A request that comes in the last part of that life renews it. */
export const LEASE_RENEWAL = 1 / 4;
/** A source that was heard of so lately is one of those that share what is left. */
export const LEASE_ACTIVE: DurationMs = durationMs(10_000);
/** What `auto` asks for at least: then a client that comes slowly causes one message for so many requests. */
export const AHEAD_MIN = 8;
/** And no more than this part of the limit, or eight sources would hold all of it. */
export const AHEAD_MIN_SHARE = 1 / 10;
/** What stays with a source until the window ends is asked for again when less than this is left of it. */
export const AHEAD_LAST = 2;
/**
 * For so long a source goes by what an owner said was left. It hears of no other source that hands something back
 * meanwhile, unless there was nothing left.
 */
export const ROOM_TRUST: DurationMs = durationMs(1_000);
/**
 * Where the limit is at least so many times the grace, a window after one that was used up begins with grace as others
 * do: that many sources use up no more than the limit at once.
 */
export const GRACE_AGAIN = 8;
/** What `auto` asks for lasts so long beyond a round trip: a client that goes on as it did needs an Ask so often. */
export const AHEAD_HORIZON: DurationMs = durationMs(3_000);
/**
 * An Ask leaves when what is left lasts for so many round trips, and goes on to spend what lasts for one more: requests
 * do not come evenly.
 */
export const AHEAD_LOW = 2;
export const AHEAD_KEPT = 3;
/** The way to an owner before it was measured, ms. */
export const ROUND_TRIP_GUESS = 100;

// ── One isolate's memory ────────────────────────────────────────────────────────────────────────

/** Entries that share a set. Eight 36-byte entries span five cache lines; a full set replaces its least used. */
export const SET_SIZE = 8;
/** Sets of the credit table: 32,768 × 8 entries × 36 bytes = 9.4 MB, within the 16 MB promised of an isolate's 128. */
export const SETS = 32_768;
/**
 * Hot keys (claimed here or elsewhere, about 800 bytes each) an isolate keeps: 13 MB. Past it one that nobody waits
 * for goes, and its key has to ask when it comes back.
 */
export const HOT_KEYS_MAX = 16_384;

/** Sets of rules that an isolate remembers (about 500 bytes each); past it they are made for each request anew. */
export const RULE_SETS_MAX = 1_024;
/** Readable keys that an isolate keeps before it looks for those whose windows are over, about 100 bytes each. */
export const LABELS_SWEEP_MIN = 1_024;

/** Characters of a readable key that are kept and shown. A client may send a cookie of 100 KB. */
export const LABEL_MAX = 128;

// ── Owners and hubs ─────────────────────────────────────────────────────────────────────────────

/** How far ahead a block or an override that is given by hand may end. With the two windows that follow it, 150 days. */
export const BLOCK_MAX: DurationMs = durationMs(90 * 86_400_000);
export const OVERRIDE_MAX: DurationMs = durationMs(90 * 86_400_000);

/**
 * Asks a second from which on an owner object grants more ahead where rules lease: an object that writes takes 200 to 500
 * requests a second.
 */
export const OWNER_ASKS_HIGH = 150;
/** How many times as much it grants ahead then, as long as there is room. */
export const LEASE_WIDEN = 8;

/** When a request should come again that a strict rule denies only because not all sources have reported: they do so within this. */
export const RESERVE_RETRY: DurationMs = durationMs(1_000);
/** Sources that a strict rule keeps something back for, unless it says how many. */
export const STRICT_SOURCES = 8;

/**
 * With `threshold = "auto"` an isolate takes a busy client to be seen by so many sources until it hears of more: about as
 * many as a client uses that is at home in one region.
 */
export const SOURCES_FLOOR = 4;
/** What that number loses in a window in which no owner says as many: from 20 to the floor in thirteen windows. */
export const SOURCES_FALL = 1 / 8;

/** Sources an account lists one by one. Past it those silent for MESSAGE_LIFE_MAX fold into a base count. */
export const SOURCES_MAX = 512;
/** Sources an account lists at most, however fast they come: 4,096 × ~60 bytes fits a storage row of 2 MB with room. */
export const SOURCES_HARD_MAX = 4_096;
/** Accounts a shared owner keeps in memory: about 1 KB each; an object has 128 MB. */
export const ACCOUNTS_MAX = 16_384;
/** A shared owner looks through its rows for expired ones at most so often, however many keys it has. */
export const SWEEP_PAUSE: DurationMs = durationMs(10_000);
/**
 * How far ahead an alarm is set, and how long a row that this code cannot read may ask to be kept. No account is
 * kept for longer than five windows of 30 days: a token bucket in debt is full for two, claimed for one more, and
 * one idle window follows. A block or an override of 90 days is followed by two of them. A later time is damage: the platform refuses alarms after the year 2189, and a row
 * that nobody can read would stay for good.
 */
export const ROW_KEEP_MAX: DurationMs = durationMs(200 * 86_400_000);
/** Announcements a hub remembers for watchers that connect: about 700 bytes each, 11 MB. */
export const FEED_MAX = 16_384;
/**
 * The last announcements a hub keeps in order besides. Watchers are away for a second between two connections: what
 * they missed is among these, and a hub of thousands need not look through all the others for each.
 */
export const FEED_RECENT_MAX = 2_048;
/** Announcements between two looks for those that have expired, at least. A look at few costs as good as nothing. */
export const FEED_SWEEP_MIN = 64;
/** A hub gathers announcements for so long before it sends a frame: one frame instead of hundreds under attack. */
export const HUB_COALESCE: DurationMs = durationMs(25);
/** Keys in one answer to who asks a hub what is claimed: about 300 bytes each. */
export const CLAIMS_LISTED_MAX = 1_000;
/** Announcements in one frame; an outgoing WebSocket message holds 1 MiB. */
export const FRAME_MAX = 2_048;

// ── The watch ───────────────────────────────────────────────────────────────────────────────────

/** An isolate closes its hub connection after 20–25 s, before the platform ends `waitUntil` at about 30 s. */
export const WATCH_MIN: DurationMs = durationMs(20_000);
export const WATCH_JITTER: DurationMs = durationMs(5_000);
/** How long one attempt to reach a hub may take; a first access to an object can take a few hundred ms. */
export const WATCH_CONNECT_MAX: DurationMs = durationMs(3_000);
/** Pauses between attempts to reach an unreachable hub: doubling, jittered. */
export const WATCH_RETRY_MIN: DurationMs = durationMs(500);
export const WATCH_RETRY_MAX: DurationMs = durationMs(5_000);

// ── What is logged and measured ─────────────────────────────────────────────────────────────────

/**
 * Lines of the log that one isolate or object writes at once, and per second after. Under a flood every key is an event;
 * the log is billed by the line, and nobody reads more.
 */
export const LOG_BURST = 20;
export const LOG_PER_SECOND = 2;
/** A rule is no longer degraded when its owners were reached, or when none of its decisions was for so long. */
export const DEGRADED_QUIET: DurationMs = durationMs(10_000);
/** Data points that one isolate or object writes per second, and at once: Analytics Engine is billed by the point. */
export const POINTS_PER_SECOND = 10;

// ── Live accuracy ───────────────────────────────────────────────────────────────────────────────

/** The share of keys that are counted exactly besides. One in a hundred shows what happens, and costs next to nothing. */
export const SAMPLED_SHARE = 0.01;
/**
 * Requests of sampled keys are told apart by time, in steps of W/L (a unit flows back in each) within these bounds. In
 * longer ones the exact count would not know when there was room; shorter ones would make a row of every request.
 */
export const OBSERVED_STEP_MIN: DurationMs = durationMs(100);
export const OBSERVED_STEP_MAX: DurationMs = durationMs(1_000);
/** What an isolate keeps of sampled keys between two reports: rows of about 100 bytes, windows of about 300. */
export const OBSERVED_ROWS_MAX = 2_048;
export const OBSERVED_WINDOWS_MAX = 1_024;
/** How long an isolate gathers before it reports. One call for each rule in that time, if a sampled key came. */
export const OBSERVE_PAUSE: DurationMs = durationMs(5_000);
/** Pauses between attempts to hand a report over, and attempts in one request's background: within its 30 s. */
export const OBSERVE_RETRY: DurationMs = durationMs(2_000);
export const OBSERVE_ATTEMPTS = 3;
/** How long a call with a report may take. */
export const OBSERVE_CALL_MAX: DurationMs = durationMs(3_000);
/** A report that could not be handed over for so long is given up; the next one says what is missing. */
export const OBSERVED_LIFE: DurationMs = durationMs(20_000);
/**
 * The auditor replays what is older than this: a pause, the life of a report and CLOCK_SKEW_MAX make 26 s, and what was
 * lost is told of with the next report.
 */
export const AUDIT_WAIT: DurationMs = durationMs(45_000);
/** Sampled keys, rows and sources an auditor keeps: its state must fit one value of 2 MB. Beyond it keys are left out. */
export const AUDIT_KEYS_MAX = 2_048;
export const AUDIT_ROWS_MAX = 16_384;
export const AUDIT_SOURCES_MAX = 4_096;
/** A larger state is given up, and counting begins anew. */
export const AUDIT_STATE_BYTES_MAX = 1_900_000;
/** Reports that an auditor stores as they came before it stores its state instead: as many are read when it starts. */
export const AUDIT_REPORTS_MAX = 32;
/** Figures of a rule that nobody reports of any more are kept for so long. */
export const AUDIT_KEEP: DurationMs = durationMs(7 * 86_400_000);
/** How long figures are waited for: who asks for a page of them does without those of an object out of reach. */
export const ACCURACY_CALL_MAX: DurationMs = durationMs(1_000);

// ── Telemetry ───────────────────────────────────────────────────────────────────────────────────

/** An isolate hands its counts to its hub at most so often: one call for all requests of five seconds. */
export const REPORT_PAUSE_MIN: DurationMs = durationMs(5_000);
/** One that counted fewer than REPORT_BUSY requests gathers for longer: a report of one request would cost more than the request. */
export const REPORT_PAUSE_MAX: DurationMs = durationMs(20_000);
export const REPORT_BUSY = 32;
/** While somebody looks at the live page, a person should not wait for what he sees. */
export const REPORT_PAUSE_WATCHED: DurationMs = durationMs(1_000);
/** A run begins with a request that is not decided yet: so long it waits for that before it ends for want of news. */
export const REPORT_DECIDED: DurationMs = durationMs(300);
/** How long one request's context gathers and reports: within the 30 s that `waitUntil` lasts. */
export const REPORTING_MAX: DurationMs = durationMs(28_000);
/** How long a report may take; a hub that starts far away takes a few hundred ms. */
export const REPORT_CALL_MAX: DurationMs = durationMs(5_000);
/** Pauses after a report that was not acknowledged: doubling, jittered. */
export const TALLY_RETRY_MIN: DurationMs = durationMs(1_000);
export const TALLY_RETRY_MAX: DurationMs = durationMs(60_000);
/** An isolate that reported nothing for so long begins another tally: its hub may have put the old one away. */
export const REPORT_IDLE_MAX: DurationMs = durationMs(300_000);
/** A hub puts the counts of a silent isolate away after so long: twice what an isolate that comes back allows for. */
export const REPORTER_KEPT: DurationMs = durationMs(600_000);
/** Isolates that a hub lists one by one, about 2 KB each. Past it those silent for longest are put away. */
export const REPORTERS_MAX = 4_096;
/** Isolates put away whose last report a hub remembers, so that one repeated very late counts once: 40 bytes each. */
export const REPORTERS_PUT_AWAY_MAX = 4_096;
/** Rules by data centre that a hub keeps of isolates that were put away. What exceeds it is kept by the rule's name alone. */
export const BASE_ROWS_MAX = 2_048;
/** Rules in one report: an environment variable holds 30 to 40, a bundled file more. */
export const RULES_REPORTED_MAX = 1_024;
/** Clients in one report while somebody looks: about 150 bytes each. */
export const KEYS_REPORTED_MAX = 200;
/**
 * Clients of all reports together that a hub keeps while somebody looks, about 500 bytes each: the more isolates report,
 * the fewer of each. Without it a thousand isolates would fill the hub's memory as soon as a page is opened.
 */
export const KEYS_KEPT_MAX = 10_000;
/** Clients of one region that a live page is told of. */
export const KEYS_SHOWN_MAX = 200;
/** Clients of one region that live pages ask for by name. */
export const WANTED_MAX = 16;
/** A client that nobody reported for so long is not shown any more. */
export const KEYS_SHOWN_FOR: DurationMs = durationMs(60_000);
/** Clients whose story a hub remembers, and as many that were only seen; and events in one, about 60 bytes each: 2 MB. */
export const STORIES_MAX = 1_024;
export const STORY_EVENTS_MAX = 32;
/** A hub tells its isolates that somebody looks for so long, and says it again at half of that. */
export const WATCHED_FOR: DurationMs = durationMs(30_000);
/** A live page gets what is new at most so often; news of claims and blocks go at once. */
export const LIVE_PAUSE: DurationMs = durationMs(1_000);
/** A live page's stream shows that it lives at least so often. */
export const LIVE_BEAT: DurationMs = durationMs(5_000);
/** The client that a live page looks at is asked after at least so often; sooner when something came. */
export const LIVE_CLIENT_PAUSE: DurationMs = durationMs(5_000);
/** What is counted exactly changes when windows have ended; a live page is told so often. */
export const LIVE_ACCURACY_PAUSE: DurationMs = durationMs(15_000);
/** A hub that a live page lost is tried again after so long. */
export const LIVE_RETRY: DurationMs = durationMs(2_000);
/** A live page's stream ends by itself after so long, or so many calls: a request may make 1,000. The page opens another. */
export const LIVE_FOR: DurationMs = durationMs(600_000);
export const LIVE_CALLS_MAX = 900;
/** Messages that a live page may be behind. */
export const LIVE_BUFFERED_MAX = 256;
/** How long a scrape waits for a hub; Prometheus gives up after 10 s. */
export const METRICS_CALL_MAX: DurationMs = durationMs(4_000);

// ── Clients that are spread thinly ──────────────────────────────────────────────────────────────

/** An isolate hands over what it has seen at most so often. */
export const SIGHTINGS_PAUSE: DurationMs = durationMs(1_000);
/** Clients in one hand-over, about 300 bytes each. */
export const SIGHTINGS_MAX = 512;
/** Clients and windows that a hub counts sightings of, about 150 bytes each; past it those seen first are forgotten. */
export const SIGHTED_MAX = 16_384;
