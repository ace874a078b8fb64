import { describe, it } from "vitest";
import { entryOf } from "./entry.ts";
import type { LogStream } from "./ring.ts";

function entry(text: string, stream: LogStream = "stdout") {
  return entryOf({ stream, sequence: 1, at: 0, text, isCut: false }, "instance", 1);
}

describe("the level of a line", () => {
  it.for([
    ['{"level":"warn"}', "warn"],
    ['{"level":"WARNING"}', "warn"],
    ['{"severity":"CRITICAL"}', "fatal"],
    ['{"lvl":"err"}', "error"],
    ['{"level":30}', "info"],
    ['{"level":60}', "fatal"],
    ["ERROR it broke", "error"],
    ["[error] it broke", "error"],
    ["<warn> hm", "warn"],
    ["warning: hm", "warn"],
    ["2026-01-31T12:00:00.123Z DEBUG looks", "debug"],
    ["[2026-01-31 12:00:00,123] WARN hm", "warn"],
    ["2026/01/31 12:00:00 [error] 7#7: upstream", "error"],
    ['time=12:00 level=error msg="x"', "error"],
  ] as const)("is what it says: %s", ([text, level], { expect }) => {
    expect(entry(text).level).toBe(level);
  });

  it.for(["hello", "Errors are few", "error rates are fine", '{"level":"loud"}', '{"level":7}', "{broken", "null", ""])(
    "is that of its stream where it says nothing: %s",
    (text, { expect }) => {
      expect([entry(text).level, entry(text, "stderr").level]).toEqual(["info", "error"]);
    },
  );
});

describe("the status of a line", () => {
  it.for([
    ['{"status":404}', 404],
    ['{"statusCode":"503"}', 503],
    ['{"status":"ok","res":{"statusCode":201}}', 201],
    ['1.2.3.4 - - [x] "GET /a b HTTP/1.1" 500 12', 500],
    ['{"status":"ok"}', null],
    ['{"status":42}', null],
    ['{"status":null,"res":null}', null],
    ["took 404 ms", null],
  ] as const)("%s", ([text, status], { expect }) => {
    expect(entry(text).status).toBe(status);
  });
});
