import { describe, it } from "vitest";
import { isTrouble } from "./log-file.ts";

const RED = "\u001B[31m";

describe("the console", () => {
  it.for([
    `${RED}✘ [ERROR] something broke`,
    "[wrangler:error] no such binding",
    "Uncaught TypeError: x is not a function",
    "workerd/io/worker.c++:2200: info",
  ])("is shown %s", (line, { expect }) => {
    expect(isTrouble(line)).toBe(true);
  });

  it.for([
    "[wrangler:info] GET / 200 OK (3ms)",
    `${RED}✘ [ERROR] e = rust/worker/ffi.rs:104: failed: failed to lookup address information: Name or service not known`,
  ])("is spared %s", (line, { expect }) => {
    expect(isTrouble(line)).toBe(false);
  });
});
