import { describe, it } from "vitest";
import { makeReplayable, REPLAY_BODY_BYTES } from "./replay.ts";

const URL_ = "http://app.localhost/";

function withBody(method: string, bytes: number, length: string | null = String(bytes)): Request {
  const headers: Record<string, string> = length === null ? {} : { "content-length": length };
  return new Request(URL_, { method, body: "x".repeat(bytes), headers });
}

describe("a request", () => {
  it("without a body can be sent again, and is itself each time", async ({ expect }) => {
    const request = new Request(URL_);
    const replay = await makeReplayable(request);
    expect([replay.canResend, replay.isIdempotent]).toEqual([true, true]);
    expect(replay.next()).toBe(request);
  });

  it("with a body at the limit can be sent again, whole each time", async ({ expect }) => {
    const replay = await makeReplayable(withBody("POST", REPLAY_BODY_BYTES));
    expect(replay.canResend).toBe(true);
    for (let time = 0; time < 2; time += 1) {
      const next = replay.next();
      expect([next.method, (await next.text()).length]).toEqual(["POST", REPLAY_BODY_BYTES]);
    }
  });

  it.for([String(REPLAY_BODY_BYTES + 1), null, "many"])(
    "with a body of length %j is sent once, as it is",
    async (length, { expect }) => {
      const request = withBody("POST", REPLAY_BODY_BYTES + 1, length);
      const replay = await makeReplayable(request);
      expect(replay.canResend).toBe(false);
      expect(replay.next()).toBe(request);
      expect(request.bodyUsed).toBe(false);
    },
  );

  it.for([
    ["GET", true],
    ["HEAD", true],
    ["OPTIONS", true],
    ["PUT", true],
    ["DELETE", true],
    ["POST", false],
    ["PATCH", false],
  ] as const)("%s may be sent twice once delivered: %s", async ([method, may], { expect }) => {
    expect((await makeReplayable(new Request(URL_, { method }))).isIdempotent).toBe(may);
  });
});
