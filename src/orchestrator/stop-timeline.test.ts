import { describe, it } from "vitest";
import { stopTimeline, timelineDetails, type StopTimeline } from "./stop-timeline.ts";

const AT = Date.UTC(2026, 0, 1);
const drained: StopTimeline = {
  cordonedAt: AT,
  drain: "drained",
  drainedAt: AT + 1_500,
  inFlight: 2,
  cutOff: 0,
  sigtermAt: AT + 1_500,
  sigkillAt: null,
};
const steps = (timeline: StopTimeline) => stopTimeline(timelineDetails(timeline));

describe("the timeline of a stop", () => {
  it("comes back as events in their order, each at its time", ({ expect }) => {
    const killed: StopTimeline = { ...drained, sigkillAt: AT + 11_500 };
    expect(steps(killed).map(({ name, time }) => [name, time - AT])).toEqual([
      ["Cordoned", 0],
      ["Drained", 1_500],
      ["SigtermSent", 1_500],
      ["SigkillSent", 11_500],
    ]);
    expect(steps(killed)[0]?.message).toBe("no new requests; 2 under way");
  });

  it("says what was cut off", ({ expect }) => {
    const [, step] = steps({ ...drained, drain: "timed_out", cutOff: 1 });
    expect(step).toMatchObject({
      name: "DrainTimedOut",
      type: "Warn",
      message: "waited long enough; 1 still under way",
    });
    expect(steps({ ...drained, drain: "interrupted" })[1]?.name).toBe("DrainInterrupted");
  });

  it("has no steps that were not taken", ({ expect }) => {
    const open: StopTimeline = { ...drained, drain: null, drainedAt: null, sigtermAt: null };
    expect(steps(open).map(({ name }) => name)).toEqual(["Cordoned"]);
    expect(steps({ ...drained, drain: "skipped" }).map(({ name }) => name)).toEqual(["Cordoned", "SigtermSent"]);
  });

  it("is empty for events that tell of no stop, whatever else they tell", ({ expect }) => {
    for (const details of [undefined, {}, { reason: "Vanished", exit_code: null }, { cordoned_at: "yesterday" }]) {
      expect(stopTimeline(details)).toEqual([]);
    }
    expect(timelineDetails(undefined)).toEqual({});
  });
});
