/** Rollouts that the API refuses, each by the field that is to be changed. */
import { describe, it } from "vitest";
import { createApplication, domainError } from "./client.ts";
import { send } from "./writes.ts";

const plan = (more: object) => ({
  description: "of a test",
  strategy: "rolling",
  min_healthy_time: 0,
  target_configuration: { environment_variables: [{ name: "A", value: "2" }] },
  ...more,
});
const step = (percentage: number) => ({ step_size: { percentage }, description: `to ${percentage}` });
const gate = { name: "g", type: "check", path: "/" };
const canary = { strategy: "new_instances" };
const green = { strategy: "blue_green" };

describe("what makes no sense", () => {
  it.for([
    ["strategy", { strategy: "recreate" }],
    ["strategy", { strategy: undefined }],
    ["kind", { kind: "durable_objects_auto" }],
    ["kind", { kind: "none" }],
    ["step_percentage", { step_percentage: 0 }],
    ["step_percentage", { step_percentage: 101 }],
    ["step_percentage", { step_percentage: 50, steps: [step(100)] }],
    ["steps", { steps: [] }],
    ["steps[0].step_size.percentage", { steps: [step(50)] }],
    ["steps[1].step_size.percentage", { steps: [step(50), step(50), step(100)] }],
    ["percentage", { percentage: 10 }],
    ["percentage", { ...canary, percentage: 101 }],
    ["percentage", { ...canary, kind: "full_manual" }],
    ["percentage", { ...canary, percentage: 10, steps: [step(100)] }],
    ["percentage", { ...canary, percentage: 10, step_percentage: 10 }],
    ["steps", { ...green, steps: [step(100)] }],
    ["step_percentage", { ...green, step_percentage: 10 }],
    ["max_surge", { ...green, max_surge: 1 }],
    ["max_unavailable", { ...green, max_unavailable: 1 }],
    ["max_surge", { max_surge: 0 }],
    ["max_surge", { max_surge: "0%", max_unavailable: 0 }],
    ["max_surge", { max_surge: "101%" }],
    ["max_unavailable", { max_unavailable: "a lot" }],
    ["min_healthy_time", { min_healthy_time: "11m" }],
    ["min_healthy_time", { min_healthy_time: "2h" }],
    ["progress_deadline", { min_healthy_time: 30, progress_deadline: "30s" }],
    ["progress_deadline", { progress_deadline: 0.1 }],
    ["auto_revert", { auto_revert: "yes" }],
    ["scale_down_delay", { scale_down_delay: "2d" }],
    ["sticky", { sticky: { cookie: true } }],
    ["sticky", { ...green, sticky: { header: "X-User" } }],
    ["sticky", { ...canary, sticky: {} }],
    ["sticky", { ...canary, sticky: { cookie: true, header: "X-User" } }],
    ["sticky.header", { ...canary, sticky: { header: "X User" } }],
    ["gates", { gates: [gate] }],
    ["gates", { ...canary, gates: ["a", "b"].map((name) => ({ ...gate, name, count: 48 })) }],
    ["gates[1].name", { ...canary, gates: [gate, gate] }],
    ["gates[0].name", { ...canary, gates: [{ ...gate, name: "" }] }],
    ["gates[0].type", { ...canary, gates: [{ ...gate, type: "metric" }] }],
    ["gates[0].type", { ...green, gates: [{ name: "g", type: "error_rate", max_ratio: 0.1 }] }],
    ["gates[0].max_ratio", { ...canary, gates: [{ name: "g", type: "error_rate" }] }],
    ["gates[0].max_ratio", { ...canary, gates: [{ name: "g", type: "error_rate", max_ratio: 2 }] }],
    ["gates[0].max_ratio", { ...canary, gates: [{ ...gate, max_ratio: 1 }] }],
    ["gates[0].url", { ...canary, gates: [{ name: "g", type: "webhook" }] }],
    ["gates[0].url", { ...canary, gates: [{ name: "g", type: "webhook", url: "ftp://example.com" }] }],
    ["gates[0].url", { ...canary, gates: [{ name: "g", type: "webhook", url: "https://me:secret@example.com/" }] }],
    ["gates[0].path", { ...canary, gates: [{ name: "g", type: "check" }] }],
    ["gates[0].path", { ...canary, gates: [{ ...gate, path: "x" }] }],
    ["gates[0].port", { ...canary, gates: [{ ...gate, port: 0 }] }],
    ["gates[0].expect_status", { ...canary, gates: [{ ...gate, expect_status: [] }] }],
    ["gates[0].count", { ...canary, gates: [{ ...gate, count: 0 }] }],
    ["gates[0].count", { ...canary, gates: [{ ...gate, count: 51 }] }],
    ["gates[0].timeout", { ...canary, gates: [{ ...gate, timeout: "2m" }] }],
    ["gates[0].interval", { ...canary, gates: [{ ...gate, interval: 0 }] }],
    ["gates[0].failure_limit", { ...canary, gates: [{ ...gate, failure_limit: -1 }] }],
    ["target_configuration", { target_configuration: undefined }],
    ["target_version", { target_version: 1 }],
    ["target_configuration.image", { target_configuration: { image: "" } }],
    ["target_configuration.colour", { target_configuration: { colour: "red" } }],
    ["description", { description: undefined }],
    ["colour", { colour: "red" }],
  ] as const)("is refused by field and begins nothing: %s of %j", async ([field, body], { expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const answer = await send("POST", `/applications/${id}/rollouts`, plan(body));
    expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, [field]]);
    expect((await send("GET", `/applications/${id}/rollouts`)).result).toEqual([]);
  });

  it("is refused over the application's own policy too", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, rollout: { max_surge: 0, max_unavailable: 1 } });
    const answer = await send("POST", `/applications/${id}/rollouts`, plan({ max_unavailable: 0 }));
    expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, ["max_unavailable"]]);
    const refused = await send("PATCH", `/applications/${id}`, { rollout: { max_surge: 0 } });
    expect([refused.status, Object.keys(domainError(refused).details)]).toEqual([400, ["rollout.max_surge"]]);
    const grace = await send("PATCH", `/applications/${id}`, { rollout_active_grace_period: -1 });
    expect([grace.status, Object.keys(domainError(grace).details)]).toEqual([400, ["rollout_active_grace_period"]]);
  });

  it("is told with the way out of it", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const words = async (body: object) => {
      return domainError(await send("POST", `/applications/${id}/rollouts`, plan(body))).message;
    };
    expect(await words({ kind: "none" })).toContain("leave the rollout out");
    expect(await words({ kind: "durable_objects_auto" })).toContain("full_manual");
    expect(await words({ max_surge: 0 })).toContain("raise one of them");
    expect(await words({ gates: [gate] })).toContain("give steps");
  });
});
