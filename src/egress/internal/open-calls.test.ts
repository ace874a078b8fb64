/** How many internal calls of one container may wait for an answer. */
import { it } from "vitest";
import { MAX_OPEN_CALLS, whileOpen } from "./open-calls.ts";

it("is bounded for each container, and what has ended makes room, however it ended", async ({ expect }) => {
  const { promise: answer, resolve } = Promise.withResolvers<string>();
  const open = Array.from({ length: MAX_OPEN_CALLS }, async () => await whileOpen("one", async () => await answer));
  let ran = 0;
  const another = async (instance: string) =>
    await whileOpen(instance, async () => {
      ran += 1;
      return "done";
    });
  await expect(another("one")).rejects.toMatchObject({ code: "QUEUE_FULL", details: { instance: "one" } });
  expect(ran).toBe(0);
  expect(await another("other")).toBe("done");
  resolve("answer");
  await Promise.all(open);
  for (let nth = 0; nth < MAX_OPEN_CALLS + 1; nth += 1) {
    await expect(whileOpen("one", async () => await Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  }
  expect(await another("one")).toBe("done");
});
