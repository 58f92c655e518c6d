/** Every number that bounds what comes in or goes out, with its source. Times are milliseconds unless named otherwise. */

export const MINUTE = 60_000;
export const SECOND = 1_000;

/** PROTOCOL.md §1: a thing's name is one topic level, and one segment of a path: `.` and `..` would lead elsewhere. */
export const THING_NAME_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9:_.-]{1,128}$/;
/** Client ids at the broker that begin so are those of Muster's own connections. */
export const OWN_CLIENT_ID_PREFIX = 'muster-';
/** Names of groups and types may hold spaces and brackets, but nothing that would split or shorten a topic or a path. */
export const GROUP_NAME_PATTERN = /^(?=.{1,128}$)(?!\.{1,2}$)[^\s/+#\p{C}](?:[^/+#\p{C}]*[^\s/+#\p{C}])?$/u;

/** A job document is at most 32 KiB of UTF-8 (AWS IoT Jobs). */
export const MAX_DOCUMENT_BYTES = 32 * 1024;
/**
 * Over MQTT and over HTTPS alike. What a request may hold is reckoned on its values: 10 details of 1,024 characters
 * come as 41 KB in UTF-8, and as 124 KB where every character is escaped (`\ud83d\ude80`).
 */
export const MAX_DEVICE_PAYLOAD_BYTES = 256 * 1024;

export const MAX_STATUS_DETAILS = 10;
export const STATUS_DETAIL_KEY_PATTERN = /^[A-Za-z0-9:_-]{1,128}$/;
/** No control characters, at most 1,024. */
export const STATUS_DETAIL_VALUE_PATTERN = /^\P{Cc}{0,1024}$/u;

export const MAX_CLIENT_TOKEN_LENGTH = 64;

/** `…InMinutes` fields: from one second to a week (PROTOCOL.md §2). */
export const MIN_TIMEOUT_MINUTES = 1 / 60;
export const MAX_TIMEOUT_MINUTES = 10_080;

/** `get` and `notify` list at most so many pending executions. */
export const MAX_PENDING_LISTED = 15;

/** Things launched together at most: by one batch workflow, or by the job itself when it has no more than these. */
export const BATCH_SIZE = 200;
/** Executions of a batch that become visible together: the first devices need not wait for the whole batch. */
export const LAUNCHED_AT_ONCE = 25;

export const DEFAULT_LIST_LIMIT = 50;
export const MAX_LIST_LIMIT = 250;

/** What a chart of a job is drawn from. */
export const MAX_PROGRESS_POINTS = 500;
