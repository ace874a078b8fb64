import { describe, it, vi } from "vitest";
import { MAX_IN_FLIGHT, MESSAGE_TIMEOUT_MS, Outbox } from "./outbox.ts";

/** An outbox whose clock the test holds, with the messages that are under way. */
function bench(silentAfterMs = 60_000) {
  const at = { now: 1_000 };
  const sent: { id: string; answer: (consume?: () => void) => void; fail: () => void }[] = [];
  let settled = 0;
  const outbox = new Outbox({
    clock: () => at.now,
    silentAfterMs: () => silentAfterMs,
    onSettled: () => (settled += 1),
  });
  const post = (id: string, generation = 1, phase: "starting" | "stopping" = "starting") => {
    outbox.post({ id, generation, phase }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<() => void>();
      sent.push({ id, answer: (consume = () => undefined) => resolve(consume), fail: () => reject(new Error("lost")) });
      return promise;
    });
  };
  return { outbox, at, sent, post, settled: () => settled };
}

async function soon(): Promise<void> {
  for (let tick = 0; tick < 10; tick += 1) await Promise.resolve();
}

describe("messages under way", () => {
  it("are so many at one time, and the next goes when one is answered", async ({ expect }) => {
    const { sent, post, outbox } = bench();
    for (let index = 0; index < MAX_IN_FLIGHT + 2; index += 1) post(`d${index}`);
    expect(sent).toHaveLength(MAX_IN_FLIGHT);
    expect(outbox.isInFlight(`d${MAX_IN_FLIGHT + 1}`)).toBe(true);
    sent[0]?.answer();
    await soon();
    expect(sent).toHaveLength(MAX_IN_FLIGHT + 1);
    expect(outbox.isInFlight("d0")).toBe(false);
    sent[1]?.fail();
    await soon();
    expect(sent).toHaveLength(MAX_IN_FLIGHT + 2);
  });

  it("of one deployment keep it under way until the last", async ({ expect }) => {
    const { sent, post, outbox } = bench();
    for (let index = 0; index < MAX_IN_FLIGHT - 1; index += 1) post(`d${index}`);
    post("x");
    post("x", 1, "stopping");
    sent[MAX_IN_FLIGHT - 1]?.answer();
    // The answer is consumed while the later one still waits or has just been sent.
    await soon();
    expect(sent).toHaveLength(MAX_IN_FLIGHT + 1);
    expect(outbox.isInFlight("x")).toBe(true);
  });

  it("are taken for lost when no answer comes in time", async ({ expect }) => {
    vi.useFakeTimers();
    try {
      const { sent, post, outbox, settled, at } = bench();
      const warned = vi.spyOn(console, "warn").mockReturnValue();
      post("d");
      await vi.advanceTimersByTimeAsync(MESSAGE_TIMEOUT_MS - 1);
      expect(outbox.isInFlight("d")).toBe(true);
      await vi.advanceTimersByTimeAsync(1);
      expect(outbox.isInFlight("d")).toBe(false);
      expect(outbox.retryAt("d")).toBe(at.now + 500);
      expect(settled()).toBe(1);
      expect(warned).toHaveBeenCalledWith({
        message: "instance.message.failed",
        deployment: "d",
        count: 1,
        error: "Error: no answer within 30 s",
      });
      sent[0]?.answer();
      await soon();
      expect(outbox.isAcknowledged("d", 1, "starting")).toBe(false);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("leave no timer behind when they are answered", async ({ expect }) => {
    vi.useFakeTimers();
    try {
      const { sent, post } = bench();
      post("d");
      expect(vi.getTimerCount()).toBe(1);
      sent[0]?.answer();
      await soon();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("an answer", () => {
  it("is known for its generation and phase, and consumed once the message is over", async ({ expect }) => {
    const { sent, post, outbox, settled } = bench();
    post("d", 3);
    const seen: boolean[] = [];
    sent[0]?.answer(() => seen.push(outbox.isInFlight("d")));
    await soon();
    expect(seen).toEqual([false]);
    expect(outbox.isAcknowledged("d", 3, "starting")).toBe(true);
    expect(outbox.isAcknowledged("d", 4, "starting")).toBe(false);
    expect(outbox.isAcknowledged("d", 3, "stopping")).toBe(false);
    expect(outbox.isAcknowledged("e", 3, "starting")).toBe(false);
    // Whoever consumes it says what comes next.
    expect(settled()).toBe(0);
  });

  it("ends the back-off of those that were lost", async ({ expect }) => {
    const { sent, post, outbox, at } = bench();
    vi.spyOn(console, "warn").mockReturnValue();
    expect(outbox.retryAt("d")).toBe(0);
    const delays: number[] = [];
    for (let attempt = 0; attempt < 14; attempt += 1) {
      post("d");
      sent.at(-1)?.fail();
      await soon();
      delays.push(outbox.retryAt("d") - at.now);
    }
    expect(delays.slice(0, 8)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(delays.at(-1)).toBe(30_000);
    post("d");
    sent.at(-1)?.answer();
    await soon();
    expect(outbox.retryAt("d")).toBe(0);
    post("d");
    sent.at(-1)?.fail();
    await soon();
    expect(outbox.retryAt("d") - at.now).toBe(500);
  });
});

describe("silence", () => {
  it("begins with the lifetime, and anew with every word", ({ expect }) => {
    const { outbox, at } = bench(60_000);
    at.now += 60_000;
    expect(outbox.isSilent("d")).toBe(false);
    at.now += 1;
    expect(outbox.isSilent("d")).toBe(true);
    outbox.heard("d");
    expect(outbox.isSilent("d")).toBe(false);
    expect(outbox.isSilent("e")).toBe(true);
  });

  it("is not broken by what is sent; but when that was is known", ({ expect }) => {
    const { outbox, at, post } = bench();
    expect(outbox.lastSentAt("d")).toBe(0);
    at.now = 7_000;
    post("d");
    expect(outbox.lastSentAt("d")).toBe(7_000);
  });
});

describe("a deployment that is gone", () => {
  it("is forgotten in every way", async ({ expect }) => {
    const { outbox, at, post, sent } = bench(10);
    vi.spyOn(console, "warn").mockReturnValue();
    post("d");
    sent[0]?.answer();
    await soon();
    post("d", 2);
    sent[1]?.fail();
    await soon();
    at.now += 100;
    outbox.heard("d");
    outbox.forget("d");
    expect(outbox.isAcknowledged("d", 1, "starting")).toBe(false);
    expect(outbox.retryAt("d")).toBe(0);
    expect(outbox.lastSentAt("d")).toBe(0);
    expect(outbox.isSilent("d")).toBe(true);
  });
});
