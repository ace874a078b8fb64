/** Gates of a rollout on real containers, with a real server as the webhook. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, eventually } from "./control-plane.ts";

const plane = new ControlPlane();
let server: Server | undefined;
beforeAll(() => plane.start());
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await plane.stop();
});
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

/** `behaves` answers with the status that its caller asks for; `hello-world` knows no such path. */
const BROKEN = "/status?code=500";

async function application(name: string): Promise<string> {
  const id = await plane.create(name, { instances: 2, configuration: { image: "hello-world" } });
  await plane.untilReady(id, 2);
  return id;
}

async function begin(id: string, gate: object, more: object = {}): Promise<string> {
  const { status, result, errors } = await plane.call("POST", `/applications/${id}/rollouts`, {
    description: "of a test",
    strategy: "rolling",
    min_healthy_time: 0,
    steps: [50, 100].map((percentage) => ({ step_size: { percentage }, description: "" })),
    gates: [{ name: "gate", interval: "500ms", ...gate }],
    target_configuration: { image: "behaves" },
    ...more,
  });
  if (status !== 200) throw new Error(JSON.stringify(errors));
  return result.id;
}

async function until(id: string, rollout: string, phase: string) {
  return await eventually(async () => {
    const { result } = await plane.call("GET", `/applications/${id}/rollouts/${rollout}`);
    return result.phase === phase && result;
  });
}

async function untilAt(id: string, versions: readonly number[]): Promise<void> {
  await eventually(async () => {
    const seen = (await plane.instances(id)).map(({ version }) => version);
    return JSON.stringify(seen.toSorted((a, b) => a - b)) === JSON.stringify(versions);
  });
}

describe.concurrent("a gate of a rollout", () => {
  it("of the error rate takes a version back whose requests fail", async ({ expect }) => {
    const id = await application("rated");
    const rollout = await begin(id, { type: "error_rate", max_ratio: 0.1, min_requests: 5, interval: "2s" });
    const statuses = new Set<number>();
    const over = await eventually(async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => plane.ingress("rated", BROKEN)));
      for (const { status } of answers) statuses.add(status);
      const { result } = await plane.call("GET", `/applications/${id}/rollouts/${rollout}`);
      return result.phase === "reverted" && result;
    });
    expect([over.reason, [...statuses].toSorted((a, b) => a - b)]).toEqual(["AnalysisFailed", [404, 500]]);
    await untilAt(id, [1, 1]);
  });

  it("that checks a path names the instance that fails it, and lets go on when it is tried again", async ({
    expect,
  }) => {
    const id = await application("checked");
    const stuck = await begin(id, { type: "check", path: BROKEN }, { auto_revert: false });
    const { measurements } = await until(id, stuck, "stalled");
    const fresh = (await plane.instances(id)).find(({ version }) => version === 2);
    expect(measurements[0].message).toBe(`instance ${fresh?.id}: GET ${BROKEN} on port 8080 answered 500`);
    const next = await begin(id, { type: "check", path: BROKEN, expect_status: [500] });
    await until(id, next, "completed");
    await untilAt(id, [2, 2]);
  });

  it("that asks a webhook waits for its verdict", async ({ expect }) => {
    const keys: (string | undefined)[] = [];
    const listener = createServer((request, response) => {
      keys.push(request.headers["idempotency-key"] as string | undefined);
      request.resume();
      response.statusCode = keys.length === 1 ? 503 : 200;
      response.end(keys.length === 1 ? "not yet" : JSON.stringify({ verdict: "passed", message: "go" }));
    });
    server = listener;
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/gate`;
    const id = await application("asked");
    const rollout = await begin(id, { type: "webhook", url });
    await until(id, rollout, "completed");
    const measured = (await plane.events(id)).filter(({ name }) => name === "RolloutMeasured");
    expect(measured.map(({ details }) => details["verdict"])).toEqual(["inconclusive", "passed"]);
    expect([keys.length, new Set(keys).size]).toEqual([2, 2]);
  });
});
