/** Which test sees the effect of each query parameter of logs. */
const FILE = "test/workers/logs.test.ts";
const ASKED = "are those that are asked for: %s";
const BOTH = "GET /applications/{id}/instances/{instance_id}/logs, GET /applications/{id}/logs";

export const LOG_FIELD_TESTS = {
  query: {
    contains: [FILE, ASKED],
    follow: [FILE, "begin with the last lines, tell each new one once, and end with the instance"],
    "instance (GET /applications/{id}/logs)": [FILE, "are those of all its instances by their time, or of one"],
    job: [FILE, "are those of the attempts of a job, where one is named"],
    level: [FILE, ASKED],
    [`limit (${BOTH})`]: [FILE, "come in pages, each once, in either order, while more is printed"],
    order: [FILE, "come in pages, each once, in either order, while more is printed"],
    [`since (${BOTH})`]: [FILE, ASKED],
    status: [FILE, ASKED],
    stream: [FILE, ASKED],
    until: [FILE, ASKED],
  },
} as const;
