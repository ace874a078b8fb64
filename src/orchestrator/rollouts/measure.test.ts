import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "vitest";
import type { ProbeResult } from "../../containers/probe.ts";
import type { RequestTotals } from "../../containers/request-tally.ts";
import type { Gate } from "./gates.ts";
import { measure } from "./measure.ts";
import { evenly } from "./measure-instances.ts";
import type { MeasureDeps, Member, Subject } from "./measuring.ts";

const SUBJECT: Subject = {
  rollout: "r-1",
  application: "web",
  version: 3,
  step: 2,
  stepStartedAt: 5_000,
  percentage: 50,
  measurement: 4,
  since: 5_000,
};
const USUAL = { name: "g", intervalMs: 1_000, count: 1, failureLimit: 0, timeoutMs: 5_000, isDryRun: false };

function membersOf(count: number): Member[] {
  return Array.from({ length: count }, (_, index) => ({
    deploymentId: `d${index}`,
    generation: 1,
    instanceId: `i${index}`,
  }));
}

function deps(given: Partial<MeasureDeps> = {}): MeasureDeps {
  return {
    members: async () => membersOf(2),
    fetchWebhook: fetch,
    checkInstance: async () => ({ verdict: "passed", detail: "" }),
    requestCounts: async () => ({ answered: 0, failed: 0 }),
    ...given,
  };
}

const running = new AbortController().signal;

const json = (status: number, body: unknown) => (response: ServerResponse) =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

function answering(results: Readonly<Record<string, ProbeResult | null | "hangs" | "throws">>, count = 3) {
  const asked: string[] = [];
  let [now, most] = [0, 0];
  const given = deps({
    members: async () => membersOf(count),
    checkInstance: async ({ instanceId }) => {
      asked.push(instanceId);
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      now -= 1;
      const result = results[instanceId];
      if (result === "hangs") return await new Promise<never>(() => undefined);
      if (result === "throws") throw new Error("reset");
      return result === undefined ? { verdict: "passed", detail: "" } : result;
    },
  });
  return { given, asked, most: () => most };
}

describe("a webhook", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  interface Heard {
    readonly method: string | undefined;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
  }

  async function listening(answer: (response: ServerResponse) => void): Promise<{ url: string; heard: Heard[] }> {
    const heard: Heard[] = [];
    const listener = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        heard.push({ method: request.method, headers: request.headers, body });
        answer(response);
      });
    });
    server = listener;
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/gate`, heard };
  }

  async function asked(answer: (response: ServerResponse) => void, timeoutMs = 5_000) {
    const { url, heard } = await listening(answer);
    const result = await measure({ ...USUAL, type: "webhook", url, timeoutMs }, SUBJECT, deps(), running);
    return { ...result, heard };
  }

  it("is told which measurement of what it is, under a key that stays the same", async ({ expect }) => {
    const { heard } = await asked(json(200, { verdict: "passed" }));
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": "r-1/2/5000/g/4" },
    });
    expect(JSON.parse(heard[0]?.body ?? "")).toEqual({
      rollout: "r-1",
      application: "web",
      version: 3,
      step: 2,
      percentage: 50,
      gate: "g",
      measurement: 4,
    });
  });

  it.for([
    [200, { verdict: "passed", message: "fast enough" }, "passed", "fast enough"],
    [200, { verdict: "failed" }, "failed", "answered 200: failed"],
    [201, { verdict: "inconclusive", message: "too early", more: 1 }, "inconclusive", "too early"],
    [200, { verdict: "maybe" }, "inconclusive", "without a verdict"],
    [200, "passed", "inconclusive", "without a verdict"],
    [400, { message: "p99 is 3 s" }, "failed", "answered 400: p99 is 3 s"],
    [404, "", "failed", "answered 404"],
    [408, "", "inconclusive", "answered 408"],
    [429, "", "inconclusive", "answered 429"],
    [500, { verdict: "passed" }, "inconclusive", "answered 500"],
    [503, "", "inconclusive", "answered 503"],
  ] as const)("that answers %i %j has %s", async ([status, body, verdict, message], { expect }) => {
    const result = await asked(json(status, body));
    expect([result.verdict, result.message]).toEqual([verdict, expect.stringContaining(message)]);
  });

  it.for([200, 204])("that answers %i without a body has passed", async (status, { expect }) => {
    expect((await asked((response) => void response.writeHead(status).end())).verdict).toBe("passed");
  });

  it("that answers something else than JSON says nothing", async ({ expect }) => {
    const result = await asked((response) => void response.writeHead(200).end("<html>ok</html>"));
    expect(result.verdict).toBe("inconclusive");
  });

  it("that redirects says nothing, and nobody goes there", async ({ expect }) => {
    const result = await asked((response) => void response.writeHead(302, { location: "/elsewhere" }).end());
    expect(result).toMatchObject({ verdict: "inconclusive", message: "answered 302: redirects are not followed" });
    expect(result.heard).toHaveLength(1);
  });

  it("that says too much says nothing", async ({ expect }) => {
    const message = "x".repeat(16_384);
    expect((await asked(json(200, { verdict: "passed", message }))).message).toContain("more than 16 KiB");
  });

  it("has its message cut", async ({ expect }) => {
    const { message } = await asked(json(200, { verdict: "passed", message: "y".repeat(1_000) }));
    expect(message).toBe("y".repeat(300));
  });

  it.for<[string, (response: ServerResponse) => void]>([
    ["answer", () => undefined],
    ["end its answer", (response) => void response.writeHead(200).write("{")],
  ])("that does not %s in time says nothing", async ([, answer], { expect }) => {
    const result = await asked(answer, 50);
    expect([result.verdict, result.message]).toEqual(["inconclusive", "no answer within 0.05 s"]);
  });

  it("that is not there says nothing", async ({ expect }) => {
    const { url } = await listening(() => undefined);
    server?.close();
    const result = await measure({ ...USUAL, type: "webhook", url }, SUBJECT, deps(), running);
    expect([result.verdict, result.message]).toEqual(["inconclusive", expect.stringContaining("no answer: ")]);
  });
});

describe("a check", () => {
  const gate: Gate = { ...USUAL, type: "check", path: "/ok", port: 9_000, expectStatus: [] };

  it("passes when every instance answers as wanted", async ({ expect }) => {
    const { given, asked } = answering({});
    expect(await measure(gate, SUBJECT, given, running)).toEqual({
      verdict: "passed",
      message: "/ok is as expected on 3 instances",
    });
    expect(asked).toEqual(["i0", "i1", "i2"]);
  });

  it("asks each instance for what the gate says", async ({ expect }) => {
    const checks: unknown[] = [];
    const checkInstance: MeasureDeps["checkInstance"] = async (member, check) => {
      checks.push([member.deploymentId, member.generation, check]);
      return { verdict: "passed", detail: "" };
    };
    await measure(gate, SUBJECT, deps({ members: async () => membersOf(1), checkInstance }), running);
    expect(checks).toEqual([["d0", 1, { path: "/ok", port: 9_000, expectStatus: [], timeoutMs: 5_000 }]]);
  });

  it.for<[ProbeResult["verdict"], string]>([
    ["failed", "failed"],
    ["refused", "failed"],
    ["timeout", "inconclusive"],
  ])("with an instance that %s is %s, and names it", async ([verdict, wanted], { expect }) => {
    const { given } = answering({ i1: { verdict, detail: "GET /ok answered 500" } });
    expect(await measure(gate, SUBJECT, given, running)).toEqual({
      verdict: wanted,
      message: "instance i1: GET /ok answered 500",
    });
  });

  it("names the one that failed before one that only gave no answer", async ({ expect }) => {
    const { given } = answering({ i0: "throws", i2: { verdict: "failed", detail: "500" } });
    expect(await measure(gate, SUBJECT, given, running)).toEqual({ verdict: "failed", message: "instance i2: 500" });
  });

  it("ends at its timeout and names who has not answered by then", async ({ expect }) => {
    const { given } = answering({ i1: "hangs" });
    expect(await measure({ ...gate, timeoutMs: 50 }, SUBJECT, given, running)).toEqual({
      verdict: "inconclusive",
      message: "instance i1: gave no answer in time",
    });
  });

  it("does not mind an instance that has gone meanwhile, unless all have", async ({ expect }) => {
    const some = answering({ i1: null });
    expect((await measure(gate, SUBJECT, some.given, running)).verdict).toBe("passed");
    const none = answering({ i0: null, i1: null, i2: null });
    expect((await measure(gate, SUBJECT, none.given, running)).verdict).toBe("inconclusive");
  });

  it("says nothing where nobody says whom to ask", async ({ expect }) => {
    const silent = deps({ members: async () => await new Promise<never>(() => undefined) });
    expect((await measure({ ...gate, timeoutMs: 20 }, SUBJECT, silent, running)).verdict).toBe("inconclusive");
  });

  it("says nothing without instances", async ({ expect }) => {
    const { given } = answering({}, 0);
    expect((await measure(gate, SUBJECT, given, running)).verdict).toBe("inconclusive");
  });

  it("asks twenty of many, six at one time", async ({ expect }) => {
    const { given, asked, most } = answering({}, 100);
    const { message } = await measure(gate, SUBJECT, given, running);
    expect([asked.length, asked[0], asked[1], asked.at(-1), most()]).toEqual([20, "i0", "i5", "i95", 6]);
    expect(message).toBe("/ok is as expected on 20 of 100 instances");
  });

  it("asks nobody any more when nobody wants to know", async ({ expect }) => {
    const { given, asked } = answering({}, 20);
    const controller = new AbortController();
    const measured = measure(gate, SUBJECT, given, controller.signal);
    await new Promise((resolve) => setTimeout(resolve, 0));
    controller.abort();
    await measured;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(asked).toHaveLength(6);
  });
});

describe("an error rate", () => {
  const gate: Gate = { ...USUAL, type: "error_rate", maxRatio: 0.1, minRequests: 10 };

  async function measured(counts: readonly (RequestTotals | null)[], fields: Partial<typeof gate> = {}) {
    const sinces: number[] = [];
    const given = deps({
      members: async () => membersOf(counts.length),
      requestCounts: async ({ deploymentId }, since) => {
        sinces.push(since);
        const count = counts[Number(deploymentId.slice(1))];
        if (count == null) throw new Error("reset");
        return count;
      },
    });
    return { ...(await measure({ ...gate, ...fields } as Gate, SUBJECT, given, running)), sinces };
  }

  it("is of all instances together, since the last measurement", async ({ expect }) => {
    const some = await measured([
      { answered: 5, failed: 1 },
      { answered: 5, failed: 0 },
    ]);
    expect(some).toEqual({ verdict: "passed", message: "1 of 10 requests failed (10 %)", sinces: [5_000, 5_000] });
  });

  it("fails beyond its share", async ({ expect }) => {
    expect(await measured([{ answered: 100, failed: 11 }])).toMatchObject({
      verdict: "failed",
      message: "11 of 100 requests failed (11 %)",
    });
    expect((await measured([{ answered: 10, failed: 1 }], { maxRatio: 0 })).verdict).toBe("failed");
  });

  it("says nothing of too few requests", async ({ expect }) => {
    expect(await measured([{ answered: 9, failed: 9 }])).toMatchObject({
      verdict: "inconclusive",
      message: "9 of 9 requests failed (100 %); 10 requests are needed to judge",
    });
    expect((await measured([{ answered: 0, failed: 0 }])).verdict).toBe("inconclusive");
  });

  it("leaves out who does not say, and tells", async ({ expect }) => {
    expect(await measured([null, { answered: 10, failed: 0 }])).toMatchObject({
      verdict: "passed",
      message: "0 of 10 requests failed (0 %), from 1 of 2 instances",
    });
  });

  it("says nothing without instances", async ({ expect }) => {
    expect((await measured([])).verdict).toBe("inconclusive");
  });
});

describe("at even distances", () => {
  it.for([
    [0, 3],
    [3, 3],
    [4, 3],
    [7, 3],
    [1_000, 200],
  ] as const)("of %i at most %i are taken, the first among them", ([length, most], { expect }) => {
    const taken = evenly([...Array.from({ length }).keys()], most);
    expect([taken.length, taken[0]]).toEqual([Math.min(length, most), length === 0 ? undefined : 0]);
    expect(new Set(taken).size).toBe(taken.length);
  });
});
