/** What the API takes of rollouts and tells of them: every field, each action, each state. */
import { describe, it } from "vitest";
import { createApplication, domainError, eventsOf, eventually, instancesOf, untilReady } from "./client.ts";
import { send } from "./writes.ts";

const env = (value: string) => ({ environment_variables: [{ name: "A", value }] });
/** At once healthy, so that tests do not wait. */
const plan = (more: object = {}, target: object = env("2")) => ({
  description: "of a test",
  strategy: "rolling",
  min_healthy_time: 0,
  target_configuration: target,
  ...more,
});
const NEVER = { image: "never-starts" };
const step = (percentage: number) => ({ step_size: { percentage }, description: `to ${percentage}` });

async function application(instances: number, more: object = {}): Promise<string> {
  const { id } = await createApplication({ instances, configuration: { image: "hello-world", ...env("1") }, ...more });
  await untilReady(id, instances);
  return id;
}

async function begin(id: string, body: object) {
  const { result } = await send("POST", `/applications/${id}/rollouts`, body);
  return result;
}

async function get(id: string, rollout: string) {
  return (await send("GET", `/applications/${id}/rollouts/${rollout}`)).result;
}

async function until(id: string, rollout: string, phase: string) {
  return await eventually(async () => {
    const result = await get(id, rollout);
    return result.phase === phase && result;
  });
}

async function act(id: string, rollout: string, action: string) {
  return await send("POST", `/applications/${id}/rollouts/${rollout}`, { action });
}

async function versionsOf(id: string): Promise<number[]> {
  const instances = (await instancesOf(id)) as unknown as { version: number }[];
  return instances.map(({ version }) => version).toSorted((a, b) => a - b);
}

/** What has left its place is shown until it has ended. */
async function untilVersions(id: string, versions: readonly number[]): Promise<void> {
  await eventually(async () => JSON.stringify(await versionsOf(id)) === JSON.stringify(versions));
}

const statusesOf = ({ steps }: { steps: { status: string }[] }) => steps.map(({ status }) => status);
const conditionsOf = ({ conditions }: { conditions: { type: string }[] }) => conditions.map(({ type }) => type);

describe.concurrent("a rollout's strategy", () => {
  it.for(["rolling", "new_instances", "blue_green"])(
    "%s is taken, and shown as Cloudflare does",
    async (strategy, { expect }) => {
      const id = await application(2);
      const begun = await begin(id, plan({ strategy }));
      expect(begun).toMatchObject({ strategy, kind: "full_auto", status: "progressing", description: "of a test" });
      const done = await until(id, begun.id, "completed");
      expect(done).toMatchObject({ status: "completed", holding: [], deadline_at: null, reason: null });
      expect(done.health.summary).toContain("2 of 2 instances are healthy at version 2");
      await untilVersions(id, [2, 2]);
      const distribution = {
        current_version_instances: 0,
        target_version_instances: 2,
        current_version_percentage: 0,
        target_version_percentage: 100,
      };
      if (strategy === "new_instances") {
        expect(done).toMatchObject({ percentage: 100, version_distribution: distribution });
        expect([done.steps, done.progress]).toEqual([undefined, undefined]);
        expect(statusesOf({ steps: done.ramp })).toEqual(["completed", "completed"]);
      } else {
        expect(done.progress).toEqual({
          total_steps: 1,
          current_step: 1,
          updated_instances: 2,
          total_instances: 2,
          version_distribution: distribution,
        });
        expect(done.steps).toEqual([
          {
            id: 1,
            step_size: { percentage: 100 },
            description: expect.any(String),
            status: "completed",
            started_at: expect.any(String),
            completed_at: expect.any(String),
          },
        ]);
        expect([done.percentage, done.version_distribution, done.ramp]).toEqual([undefined, undefined, undefined]);
      }
    },
  );

  it("goes to the share that is asked for, and waits there", async ({ expect }) => {
    const id = await application(2);
    const { id: rollout } = await begin(id, plan({ strategy: "new_instances", percentage: 50 }));
    const waiting = await until(id, rollout, "waiting");
    expect(waiting).toMatchObject({ status: "progressing", percentage: 50, kind: "full_auto" });
    expect(waiting.version_distribution).toMatchObject({ target_version_percentage: 50 });
    await untilVersions(id, [1, 2]);
    expect((await act(id, rollout, "promote")).result.success).toBe(true);
    expect((await until(id, rollout, "completed")).percentage).toBe(100);
  });
});

describe.concurrent("a rollout by hand", () => {
  it("goes on only when somebody says next, and says why when that is not possible", async ({ expect }) => {
    const id = await application(2);
    const { id: rollout } = await begin(id, plan({ kind: "full_manual", steps: [step(50), step(100)] }));
    const waiting = await until(id, rollout, "waiting");
    expect([statusesOf(waiting), waiting.progress.current_step]).toEqual([["completed", "pending"], 1]);
    expect([conditionsOf(waiting), waiting.message]).toEqual([["Waiting"], expect.stringContaining("next goes on")]);
    const waited = await send("GET", `/applications/${id}/rollouts/${rollout}/wait?timeout=0`);
    expect([waited.status, waited.result.phase]).toEqual([200, "waiting"]);
    await untilVersions(id, [1, 2]);
    const next = await act(id, rollout, "next");
    expect([next.status, next.result]).toEqual([
      200,
      { success: true, message: expect.any(String), rollout: expect.objectContaining({ id: rollout }) },
    ]);
    await until(id, rollout, "completed");
    const again = await act(id, rollout, "next");
    expect([again.status, again.success, again.result.success]).toEqual([200, true, false]);
    expect(again.result).toMatchObject({ message: expect.stringContaining("completed"), rollout: { id: rollout } });
  });

  it("goes back a step, and to the first one", async ({ expect }) => {
    const id = await application(4);
    const steps = [step(25), step(50), step(100)];
    const { id: rollout } = await begin(id, plan({ kind: "full_manual", steps }));
    await until(id, rollout, "waiting");
    expect((await act(id, rollout, "previous")).result.success).toBe(false);
    await act(id, rollout, "next");
    await eventually(async () => (await get(id, rollout)).progress.current_step === 2);
    await untilVersions(id, [1, 1, 2, 2]);
    expect((await act(id, rollout, "previous")).result.success).toBe(true);
    await untilVersions(id, [1, 1, 1, 2]);
    await until(id, rollout, "waiting");
    await act(id, rollout, "next");
    await eventually(async () => (await get(id, rollout)).progress.current_step === 2);
    expect((await act(id, rollout, "revert")).result.success).toBe(true);
    const first = await until(id, rollout, "waiting");
    expect(statusesOf(first)).toEqual(["completed", "pending", "pending"]);
  });

  it("is skipped to its end by promote, which the steps say", async ({ expect }) => {
    const id = await application(2);
    const steps = [step(10), step(50), step(100)];
    const { id: rollout } = await begin(id, plan({ kind: "full_manual", steps }));
    await until(id, rollout, "waiting");
    expect((await act(id, rollout, "promote")).result.success).toBe(true);
    const done = await until(id, rollout, "completed");
    expect(done.steps.map(({ reason }: { reason?: string }) => reason)).toEqual([undefined, "skipped", undefined]);
    expect(done.steps[1].completed_at).toBeUndefined();
  });
});

describe.concurrent("a rollout that is held", () => {
  it("is paused and goes on, and says so", async ({ expect }) => {
    const id = await application(1);
    const { id: rollout, deadline_at: deadline } = await begin(id, plan({}, NEVER));
    expect(Date.parse(deadline)).toBeGreaterThan(0);
    expect((await act(id, rollout, "resume")).result).toMatchObject({ success: false, message: expect.any(String) });
    expect((await act(id, rollout, "pause")).result.rollout).toMatchObject({ phase: "paused", status: "progressing" });
    const paused = await get(id, rollout);
    expect(paused).toMatchObject({ reason: "PausedByUser", deadline_at: null });
    expect(paused.conditions).toEqual([
      { type: "Paused", status: true, reason: "PausedByUser", message: paused.message, since: expect.any(String) },
    ]);
    expect((await act(id, rollout, "next")).result.success).toBe(false);
    expect((await act(id, rollout, "pause")).result).toMatchObject({ success: true, rollout: { phase: "paused" } });
    expect((await act(id, rollout, "resume")).result.rollout).toMatchObject({ phase: "progressing", reason: null });
    const told = (await eventsOf(id)).filter(({ name }) => name === "RolloutPaused");
    expect(told).toHaveLength(1);
  });

  it("names who holds it up", async ({ expect }) => {
    const id = await application(1);
    const [{ name } = { name: "" }] = await instancesOf(id);
    const { id: rollout } = await begin(id, plan({}, NEVER));
    const seen = await eventually(async () => {
      const result = await get(id, rollout);
      return result.holding.length > 0 && result;
    });
    expect([seen.holding, seen.message]).toEqual([[name], expect.stringContaining(name)]);
    expect(seen.health).toMatchObject({ summary: expect.stringContaining("0 of 1"), instances: expect.anything() });
  });
});

describe.concurrent("a rollout that fails", () => {
  it("goes back when nothing becomes healthy in time", async ({ expect }) => {
    const id = await application(2);
    const before = await instancesOf(id);
    const { id: rollout } = await begin(id, plan({ progress_deadline: 1 }, NEVER));
    const back = await until(id, rollout, "reverted");
    expect(back).toMatchObject({ status: "reverted", reason: "ProgressDeadlineExceeded", measurements: [] });
    expect([statusesOf(back), conditionsOf(back)]).toEqual([["reverted"], ["Reverted", "Failed"]]);
    expect(back.steps[0].reason).toContain("became healthy");
    expect((await send("GET", `/applications/${id}`)).result.version).toBe(1);
    const after = await untilReady(id, 2);
    expect(after.map((one) => one.id)).toEqual(before.map((one) => one.id));
  });

  it("stalls when it is not to go back, and is tried again or aborted", async ({ expect }) => {
    const id = await application(1);
    const { id: rollout } = await begin(id, plan({ progress_deadline: 1, auto_revert: false }, NEVER));
    const stalled = await until(id, rollout, "stalled");
    expect([stalled.status, conditionsOf(stalled)]).toEqual(["progressing", ["Stalled", "Failed"]]);
    expect((await send("GET", `/applications/${id}/rollouts/${rollout}/wait`)).result.phase).toBe("stalled");
    expect((await act(id, rollout, "next")).result.success).toBe(false);
    expect((await act(id, rollout, "retry")).result.rollout).toMatchObject({ phase: "progressing", reason: null });
    expect((await act(id, rollout, "retry")).result.success).toBe(false);
    expect((await act(id, rollout, "abort")).result).toMatchObject({ success: true, rollout: { reason: "Aborted" } });
    const back = await until(id, rollout, "reverted");
    expect([back.reason, conditionsOf(back)]).toEqual(["Aborted", ["Reverted"]]);
    expect((await act(id, rollout, "abort")).result.success).toBe(false);
  });

  it("is not done before its instances have been ready for min_healthy_time", async ({ expect }) => {
    const id = await application(1);
    const { id: rollout } = await begin(id, plan({ min_healthy_time: "3s" }));
    const ready = await eventually(async () => {
      const result = await get(id, rollout);
      return result.progress.updated_instances === 1 && result;
    });
    expect([ready.phase, ready.health.summary]).toEqual(["progressing", expect.stringContaining("0 of 1")]);
    await until(id, rollout, "completed");
  });
});

describe.concurrent("how a rollout replaces instances", () => {
  it.for([
    [{ max_surge: 2, max_unavailable: 0 }, 5, 3],
    [{ max_surge: 0, max_unavailable: 1 }, 3, 2],
    [{ max_surge: "34%", max_unavailable: "34%" }, 5, 2],
  ] as const)("replaces at most as many at a time as it says", async ([limits, live, ready], { expect }) => {
    const id = await application(3);
    await begin(id, plan(limits, NEVER));
    const seen = await eventually(async () => {
      const instances = await instancesOf(id);
      return instances.length === live && instances.filter((one) => one.ready).length === ready && instances;
    });
    expect(seen).toHaveLength(live);
  });

  it("are told with what is not said filled in", async ({ expect }) => {
    const id = await application(1);
    expect((await begin(id, { ...plan(), min_healthy_time: undefined })).policy).toEqual({
      max_surge: "25%",
      max_unavailable: 0,
      min_healthy_time: 10,
      progress_deadline: 600,
      auto_revert: true,
      scale_down_delay: 0,
    });
    const said = {
      max_surge: 2,
      max_unavailable: "50%",
      min_healthy_time: "20s",
      progress_deadline: null,
      auto_revert: false,
      scale_down_delay: "1m",
    };
    const gate = { name: "ok", type: "check", path: "/", interval: 1, count: 2, failure_limit: 1, timeout: 2 };
    const more = { strategy: "new_instances", sticky: { header: "X-User" }, gates: [{ ...gate, dry_run: true }] };
    expect((await begin(id, plan({ ...said, ...more }, env("3")))).policy).toEqual({
      ...said,
      min_healthy_time: 20,
      scale_down_delay: 60,
      sticky: { header: "X-User" },
      gates: [{ ...gate, dry_run: true }],
    });
  });

  it("an application says for all of its rollouts what they do not say themselves", async ({ expect }) => {
    const rollout = {
      max_surge: 1,
      max_unavailable: "10%",
      min_healthy_time: 1,
      progress_deadline: 60,
      auto_revert: false,
      scale_down_delay: 5,
    };
    const id = await application(1, { rollout });
    expect((await send("GET", `/applications/${id}`)).result.rollout).toEqual(rollout);
    const body = { description: "", strategy: "rolling", max_surge: 2, target_configuration: env("2") };
    expect((await begin(id, body)).policy).toEqual({ ...rollout, max_surge: 2 });
    const whole = { instances: 1, rollout: { max_surge: "50%" }, configuration: { image: "hello-world", ...env("3") } };
    await send("PUT", `/applications/${id}`, whole);
    const [put] = (await send("GET", `/applications/${id}/rollouts`)).result;
    expect(put.policy).toMatchObject({ max_surge: "50%", max_unavailable: 0, min_healthy_time: 10 });
    const { result } = await send("PATCH", `/applications/${id}`, { rollout: null });
    expect(result.rollout).toBeUndefined();
  });

  it("keeps old instances aside for scale_down_delay, so that a way back starts nothing", async ({ expect }) => {
    const id = await application(2);
    const { id: there } = await begin(id, plan({ scale_down_delay: "1h" }));
    await until(id, there, "completed");
    await eventually(async () => (await versionsOf(id)).join("") === "1122");
    const placed = async () => (await eventsOf(id)).filter(({ name }) => name === "SchedulerPlaced").length;
    const before = await placed();
    const back = { ...plan(), target_configuration: undefined, target_version: 1, scale_down_delay: 0 };
    const { id: rollout } = await begin(id, back);
    await until(id, rollout, "completed");
    await untilVersions(id, [1, 1]);
    expect(await placed()).toBe(before);
  });

  it("spares who has begun to take traffic for as long as the application says", async ({ expect }) => {
    const id = await application(2, { rollout_active_grace_period: 3_600 });
    expect((await send("GET", `/applications/${id}`)).result.rollout_active_grace_period).toBe(3_600);
    const { id: rollout } = await begin(id, plan());
    await eventually(async () => (await get(id, rollout)).progress.updated_instances === 1);
    await untilVersions(id, [1, 1, 2]);
    await send("PATCH", `/applications/${id}`, { rollout_active_grace_period: 0 });
    await until(id, rollout, "completed");
  });
});

describe.concurrent("the list of rollouts", () => {
  it("loses one that is over, and none that is under way", async ({ expect }) => {
    const id = await application(1);
    const { id: rollout } = await begin(id, plan({}, NEVER));
    const used = await send("DELETE", `/applications/${id}/rollouts/${rollout}`);
    expect([used.status, domainError(used).error]).toEqual([409, "ROLLOUT_IN_USE"]);
    const { id: second } = await begin(id, plan());
    expect((await until(id, rollout, "replaced")).conditions[0]).toMatchObject({ type: "Replaced" });
    expect((await send("DELETE", `/applications/${id}/rollouts/${rollout}`)).status).toBe(200);
    expect((await send("DELETE", `/applications/${id}/rollouts/${rollout}`)).status).toBe(404);
    expect((await send("GET", `/applications/${id}/rollouts`)).result).toMatchObject([{ id: second }]);
  });

  it("has no end that is waited for before it is there", async ({ expect }) => {
    const id = await application(1);
    const { id: rollout } = await begin(id, plan({}, NEVER));
    const path = `/applications/${id}/rollouts/${rollout}/wait`;
    const late = await send("GET", `${path}?timeout=0.1`);
    expect([late.status, domainError(late)]).toEqual([
      408,
      expect.objectContaining({ error: "WAIT_TIMEOUT", details: expect.objectContaining({ phase: "progressing" }) }),
    ]);
    expect((await send("GET", `${path}?timeout=1h`)).status).toBe(400);
    expect((await send("GET", `/applications/${id}/rollouts/nothing/wait`)).status).toBe(404);
    const waited = send("GET", `${path}?timeout=20`);
    await act(id, rollout, "abort");
    expect((await waited).result).toMatchObject({ phase: "reverted", status: "reverted" });
  });

  it("knows no action and no rollout that is not there", async ({ expect }) => {
    const id = await application(1);
    const { id: rollout } = await begin(id, plan({}, NEVER));
    expect(domainError(await act(id, rollout, "stop"))).toMatchObject({ details: { action: expect.any(String) } });
    const none = await act(id, "nothing", "next");
    expect([none.status, domainError(none).error]).toEqual([404, "ROLLOUT_NOT_FOUND"]);
  });
});
