import { describe, it } from "vitest";
import { makeReplay, REPLAY_BODY_BYTES, type Replay } from "./replay.ts";

const URL_TEXT = "http://gantry.internal/a/web/x";
const next = (replay: Replay) => replay.next(URL_TEXT, ["gantry-call", "{}"], undefined);
const streamOf = (size: number) => new Blob(["x".repeat(size)]).stream();
const post = (body: BodyInit, headers: Record<string, string> = {}) =>
  new Request("http://in.test/", { method: "POST", body, headers, duplex: "half" } as RequestInit);

describe("what is in memory", () => {
  it.for([
    ["a text", "hello"],
    ["bytes", new TextEncoder().encode("hello")],
    ["a buffer", new TextEncoder().encode("hello").buffer],
    ["a blob", new Blob(["hello"])],
  ] as [string, BodyInit][])("is sent again: %s", async ([, body], { expect }) => {
    const replay = await makeReplay("/x", { method: "POST", body });
    for (let time = 0; time < 3; time += 1) {
      expect(replay.canResend()).toBe(true);
      expect(await next(replay).text()).toBe("hello");
    }
  });

  it("keeps the type of a form", async ({ expect }) => {
    const replay = await makeReplay("/x", { method: "POST", body: new URLSearchParams({ a: "1 2" }) });
    await next(replay).text();
    const again = next(replay);
    expect(again.headers.get("content-type")).toMatch(/^application\/x-www-form-urlencoded/);
    expect(await again.text()).toBe("a=1+2");
  });
});

describe("a stream", () => {
  it("is sent once", async ({ expect }) => {
    const replay = await makeReplay("/x", { method: "POST", body: streamOf(5) });
    expect(replay.canResend()).toBe(false);
    expect(await next(replay).text()).toBe("xxxxx");
    expect(replay.canResend()).toBe(false);
  });
});

describe("the body of a Request", () => {
  it("is kept up to the limit where its length is told", async ({ expect }) => {
    const length = { "content-length": String(REPLAY_BODY_BYTES) };
    const replay = await makeReplay(post(streamOf(REPLAY_BODY_BYTES), length), undefined);
    await next(replay).arrayBuffer();
    expect((await next(replay).arrayBuffer()).byteLength).toBe(REPLAY_BODY_BYTES);
  });

  it("is sent once above the limit, and not read before", async ({ expect }) => {
    const length = { "content-length": String(REPLAY_BODY_BYTES + 1) };
    const request = post(streamOf(REPLAY_BODY_BYTES + 1), length);
    const replay = await makeReplay(request, undefined);
    expect(request.bodyUsed).toBe(false);
    expect(replay.canResend()).toBe(false);
    expect((await next(replay).arrayBuffer()).byteLength).toBe(REPLAY_BODY_BYTES + 1);
  });

  it("goes out at once where its length is not told, and is kept beside while it is small", async ({ expect }) => {
    const replay = await makeReplay(post(streamOf(REPLAY_BODY_BYTES)), undefined);
    expect((await next(replay).arrayBuffer()).byteLength).toBe(REPLAY_BODY_BYTES);
    await expect.poll(() => replay.canResend()).toBe(true);
    expect((await next(replay).arrayBuffer()).byteLength).toBe(REPLAY_BODY_BYTES);
  });

  it("is given up on where it turns out to be large, without being held up", async ({ expect }) => {
    const replay = await makeReplay(post(streamOf(REPLAY_BODY_BYTES * 40)), undefined);
    expect((await next(replay).arrayBuffer()).byteLength).toBe(REPLAY_BODY_BYTES * 40);
    expect(replay.canResend()).toBe(false);
  });

  it("is not kept while its writer still writes", async ({ expect }) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const replay = await makeReplay(post(readable as ReadableStream), undefined);
    const reader = next(replay).body?.getReader();
    void writer.write(new TextEncoder().encode("first"));
    // What is asked in return for the first part comes before the second.
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first");
    expect(replay.canResend()).toBe(false);
    await writer.close();
  });
});

describe("every try", () => {
  it("has method, headers and signal of the call, and follows no redirect", async ({ expect }) => {
    const init = { method: "patch", headers: { "x-mine": "1" }, body: "x", redirect: "follow" } as const;
    const replay = await makeReplay("/x", init);
    for (let time = 0; time < 2; time += 1) {
      const request = next(replay);
      expect(request).toMatchObject({ method: expect.stringMatching(/^patch$/i), redirect: "manual", url: URL_TEXT });
      expect(Object.fromEntries(request.headers)).toMatchObject({ "x-mine": "1", "gantry-call": "{}" });
    }
  });

  it("is known to be safe to repeat or not by its method", async ({ expect }) => {
    const kinds = await Promise.all(
      ["GET", "put", "DELETE", "POST", "PATCH"].map(
        async (method) => (await makeReplay("/x", { method })).isIdempotent,
      ),
    );
    expect(kinds).toEqual([true, true, true, false, false]);
  });
});
