import type { MessageParam } from "@anthropic-ai/sdk/resources/messages";
import { describe, it } from "vitest";
import { trimHistory, type Exchange } from "./history.ts";

const said = (text: string): Exchange => [
  { role: "user", content: text },
  { role: "assistant", content: [{ type: "text", text: "ok" }] },
];

const withResult = (text: string): Exchange => [
  { role: "user", content: "list" },
  { role: "assistant", content: [{ type: "tool_use", id: "1", name: "shell", input: {} }] },
  { role: "user", content: [{ type: "tool_result", tool_use_id: "1", content: text }] },
];

const opening = ([first]: readonly MessageParam[]) => first?.content;

describe("what is remembered", () => {
  it.for([
    [4, 10_000, ["c", "d"], 2],
    [3, 10_000, ["d"], 3],
    [100, 10_000, ["a", "b", "c", "d"], 0],
    [100, 150, ["d"], 3],
    [1, 10_000, [], 4],
  ] as const)(
    "of at most %d messages and %d bytes is the latest whole exchanges",
    ([messages, bytes, kept, dropped], { expect }) => {
      const trimmed = trimHistory(["a", "b", "c", "d"].map(said), { messages, bytes });
      expect([trimmed.exchanges.map(opening), trimmed.dropped]).toEqual([kept, dropped]);
    },
  );

  it("of an exchange that is too large by itself has what its tools said cut short", ({ expect }) => {
    const limits = { messages: 10, bytes: 2_000 };
    const { exchanges, dropped } = trimHistory([said("a"), withResult("x".repeat(5_000))], limits);
    expect(dropped).toBe(0);
    expect(JSON.stringify(exchanges[1])).toContain("the rest was too long to remember");
    expect(trimHistory([said("y".repeat(5_000))], limits)).toEqual({ exchanges: [], dropped: 1 });
    const fitting = [withResult("x".repeat(1_500))];
    expect(trimHistory(fitting, limits).exchanges).toEqual(fitting);
  });
});
