/** Messages of the queue inside workerd: each becomes a task, comes again, or is a dead letter with its reason. */
import { createExecutionContext, createMessageBatch, evictDurableObject, getQueueResult } from "cloudflare:test";
import { describe, it, vi } from "vitest";
import { consume } from "../../src/jobs/tasks/consumer.ts";
import { applicationStub } from "../../src/stubs.ts";
import { createApplication, eventually, testEnv } from "./client.ts";
import { crash, fill, http, pool, run, taskOf, tasksOf, until } from "./tasks-world.ts";
import { buried } from "./worker.ts";

interface Sent {
  readonly id: string;
  readonly body: unknown;
  readonly attempts?: number;
}

interface Letter {
  readonly id: string;
  readonly attempts: number;
  readonly reason: { readonly code: string; readonly message: string };
  readonly body: unknown;
}

/** What a delivery comes to. `refuses`: the queue of dead letters does. */
async function deliver(messages: readonly Sent[], env: object = {}, refuses = false) {
  const letters: Letter[] = [];
  const send = async (letter: unknown) => {
    if (refuses) throw new Error("Queue is overloaded. Please back off.");
    letters.push(letter as Letter);
  };
  const batch = createMessageBatch(
    "gantry-tasks",
    messages.map(({ attempts = 1, ...message }) => ({ ...message, attempts, timestamp: new Date() })),
  );
  const delays = new Map<string, number | undefined>();
  for (const message of batch.messages) {
    const retry = message.retry.bind(message);
    vi.spyOn(message, "retry").mockImplementation((options) => {
      delays.set(message.id, options?.delaySeconds);
      retry(options);
    });
  }
  const ctx = createExecutionContext();
  await consume(batch, { ...testEnv, DEAD_TASKS: { send }, ...env } as unknown as Env);
  const { explicitAcks, retryMessages } = await getQueueResult(batch, ctx);
  const retries = retryMessages.map(({ msgId }) => ({ id: msgId, delay: delays.get(msgId) }));
  return { acks: explicitAcks.toSorted(), retries, letters };
}

const taskOfApplication = (name: string) => ({ application: name, ...http("/a") });
const application = async (body: object = {}) => await createApplication({ instances: 0, ...body });

describe("a batch", () => {
  it("with one poison message is nine tasks; that one comes again alone, and is dead with its reason", async ({
    expect,
  }) => {
    const { id, name } = await application();
    const good = Array.from({ length: 9 }, (_, n) => ({ id: `m${n}`, body: { application: name, ...http(`/${n}`) } }));
    const poison = { id: "poison", body: { application: name, mode: "walk" } };
    const first = await deliver([...good.slice(0, 4), poison, ...good.slice(4)], {}, true);
    expect(first.acks).toEqual(good.map((message) => message.id));
    expect(first.retries).toMatchObject([{ id: "poison", delay: 30 }]);
    expect(await tasksOf(id)).toHaveLength(9);
    const second = await deliver([{ ...poison, attempts: 2 }]);
    expect(second).toMatchObject({ acks: ["poison"], retries: [] });
    expect(second.letters).toMatchObject([
      { id: "poison", attempts: 2, reason: { code: "VALIDATE_INPUT" }, body: poison.body },
    ]);
    expect(second.letters[0]?.reason.message).toContain("mode");
    expect(await tasksOf(id)).toHaveLength(9);
  });

  it("of several applications is taken by each, whatever the others do", async ({ expect }) => {
    const [first, second] = await Promise.all([application(), application()]);
    const dead = { getByName: () => ({ acceptTasks: () => Promise.reject(new Error("Network connection lost.")) }) };
    const half = { getByName: (id: string) => (id === second.id ? dead : testEnv.APPLICATION).getByName(id) };
    const messages = [
      { id: "a", body: taskOfApplication(first.name) },
      { id: "b", body: taskOfApplication(second.id) },
      { id: "c", body: JSON.stringify(taskOfApplication(first.id)) },
    ];
    const { acks, retries } = await deliver(messages, { APPLICATION: half });
    expect([acks, retries]).toMatchObject([["a", "c"], [{ id: "b", delay: 10 }]]);
    expect(await tasksOf(first.id)).toHaveLength(2);
    expect((await deliver([messages[1] as Sent])).acks).toEqual(["b"]);
    expect(await tasksOf(second.id)).toHaveLength(1);
  });

  it("for an application that is full comes again later", async ({ expect }) => {
    const { id, name } = await application();
    await fill(id, 9_999);
    await evictDurableObject(applicationStub(testEnv, id));
    const messages = ["a", "b"].map((key) => ({ id: key, body: { application: name, ...http(`/${key}`) } }));
    const { acks, retries, letters } = await deliver(messages);
    expect([acks, retries, letters]).toMatchObject([["a"], [{ id: "b", delay: 30 }], []]);
  });
});

describe("a message", () => {
  it("that is delivered again while its task runs makes nothing", async ({ expect }) => {
    const { id, name, container } = await pool();
    container.hangs.add("/hang");
    const message = { id: "m", body: { application: name, idempotency_key: "k", ...http("/hang") } };
    await deliver([message]);
    await until(id, "k", "running");
    const again = await deliver([
      { ...message, attempts: 2 },
      { ...message, id: "other" },
    ]);
    expect(again).toMatchObject({ acks: ["m", "other"], retries: [], letters: [] });
    expect(await tasksOf(id)).toMatchObject([{ idempotency_key: "k", state: "running", tries: 1 }]);
  });

  it("whose consumer dies before it is acknowledged is one task", async ({ expect }) => {
    const { id, name } = await application();
    const message = { id: crypto.randomUUID(), body: { application: name, ...http("/a"), payload: [1] } };
    // Nobody hears what the first delivery came to.
    await deliver([message]);
    await crash(id);
    await deliver([{ ...message, attempts: 2 }]);
    expect(await tasksOf(id)).toMatchObject([{ idempotency_key: null, payload: [1] }]);
  });

  it("of an application that is not there is waited with, and then dead", async ({ expect }) => {
    const message = { id: "m", body: { application: "nobody", ...http("/a") } };
    for (const attempts of [1, 2]) {
      const { retries } = await deliver([{ ...message, attempts }]);
      expect(retries).toMatchObject([{ id: "m", delay: 10 }]);
    }
    const { acks, letters } = await deliver([{ ...message, attempts: 3 }]);
    expect([acks, letters]).toMatchObject([["m"], [{ reason: { code: "APPLICATION_NOT_FOUND" } }]]);
    const elsewhere = { id: "e", attempts: 3, body: { ...message.body, account_id: "f".repeat(32) } };
    expect((await deliver([elsewhere])).letters).toMatchObject([{ reason: { code: "APPLICATION_NOT_FOUND" } }]);
  });

  it("that can be no task of its application is dead with the reason", async ({ expect }) => {
    const { name } = await application();
    const body = { application: name, idempotency_key: "k", ...http("/a") };
    const { acks, letters } = await deliver([
      { id: "a", body },
      { id: "b", body: { ...body, payload: "another" } },
      { id: "c", body: { application: name, ...run("exit=0") } },
      { id: "d", body: "{" },
      { id: "e", body: { ...body, payload: "x".repeat(100_000) } },
    ]);
    expect(acks).toEqual(["a", "b", "c", "d", "e"]);
    expect(new Map(letters.map((letter) => [letter.id, letter.reason.code]))).toEqual(
      new Map([
        ["b", "IDEMPOTENCY_KEY_REUSED"],
        ["c", "JOB_CREATE_NOT_ALLOWED"],
        ["d", "VALIDATE_INPUT"],
        ["e", "VALIDATE_INPUT"],
      ]),
    );
    expect(String(letters.find((letter) => letter.id === "e")?.body)).toHaveLength(30_000);
  });

  it("comes again where there is no queue for dead letters", async ({ expect }) => {
    const { acks, retries } = await deliver([{ id: "a", body: {} }], { DEAD_TASKS: undefined });
    expect([acks, retries]).toMatchObject([[], [{ id: "a", delay: 30 }]]);
  });
});

describe("the queue itself", () => {
  it("delivers tasks, and takes dead letters", async ({ expect }) => {
    const { id, name } = await pool();
    const queue = (testEnv as unknown as { TASKS: Queue }).TASKS;
    const body = { application: name, idempotency_key: "through", ...http("/a"), payload: { a: 1 } };
    await queue.sendBatch([{ body }, { body: { poison: name } }, { body }]);
    await eventually(async () => (await taskOf(id, "through"))?.state === "succeeded");
    const letter = await eventually(async () =>
      buried.find((each) => (each as Letter).body !== null && JSON.stringify(each).includes(`"poison":"${name}"`)),
    );
    expect(letter).toMatchObject({ queue: "gantry-tasks", reason: { code: "VALIDATE_INPUT" } });
    expect(await tasksOf(id)).toHaveLength(1);
  });
});
