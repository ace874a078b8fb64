/**
 * A pool of real containers that follows its load; `npm run bench:autoscale` is the long form, with 200 requests at a time
 * and the way down.
 */
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { driveLoad } from "../../bench/autoscale/load.ts";
import { ControlPlane, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

const RISE_MS = 6_000;
const PEAK = 40;

describe("a pool of real containers that follows its load", () => {
  it("grows to what is under way, once, while every caller gets an answer", async ({ expect, signal }) => {
    const id = await plane.create("followed", {
      instances: 1,
      autoscaling: { min: 1, max: 4, target_concurrency: 10 },
      configuration: { image: "hello-world" },
    });
    await plane.untilReady(id, 1);
    const answers = await driveLoad({
      perSecond: 20,
      durationMs: 14_000,
      concurrencyAt: (ms) => PEAK * Math.min(1, ms / RISE_MS),
      call: async (takesMs) => {
        const { status, body } = await plane.ingress("followed", `/stream?lines=2&ms=${takesMs}`);
        return { status: body === "1\n2\n" ? status : 0, body };
      },
      signal,
    });
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(answers).toHaveLength(280);
    await plane.untilReady(id, 4);
    expect(await workloads()).toHaveLength(4);
    const scalings = (await plane.events(id))
      .filter(({ name }) => name === "ApplicationScaled")
      .map(({ details }) => [Number(details["from"]), Number(details["to"])] as const);
    expect(scalings.at(-1)?.[1]).toBe(4);
    expect(scalings.filter(([from, to]) => to < from)).toEqual([]);
  });
});
