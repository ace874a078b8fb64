/** Logs of instances and jobs: what is answered of which lines, and why there are none. */
import { describe, it } from "vitest";
import { call, createApplication, domainError, eventually, instancesOf, raw, untilReady } from "./client.ts";
import { containerOf, type FakeContainer } from "./fake-container.ts";
import type { Kept } from "./fake-init.ts";

const NOON = Date.parse("2026-01-31T12:00:00Z");
const out = (text: string, at = NOON): Kept => ({ stream: "stdout", at, text });
const error = (text: string, at = NOON): Kept => ({ stream: "stderr", at, text });

interface Entry {
  readonly time: string;
  readonly instance: string;
  readonly message: string;
  readonly level: string;
}

/** With as many instances as there are logs; null: of an image without the init. */
async function running(...logs: (Kept[] | null)[]) {
  const { id } = await createApplication({ instances: logs.length });
  const instances = (await untilReady(id, logs.length)).map(({ id: instance }) => instance);
  for (const [index, lines] of logs.entries()) {
    if (lines !== null) containerOf(instances[index] ?? "").init = { lines, exitCode: 0 };
  }
  const [instance = ""] = instances;
  return { id, instance, instances, container: containerOf(instance) };
}

async function messages(path: string): Promise<string[]> {
  const { status, result, errors } = await call("GET", path);
  if (status !== 200) throw new Error(JSON.stringify(errors));
  return result.entries.map(({ message }: Entry) => message);
}

const LINES = [
  out('{"level":"debug","message":"looks"}', NOON),
  out("plain", NOON + 1_000),
  out('{"severity":"WARNING","status":404,"path":"/Nowhere"}', NOON + 2_000),
  error("at server.ts:3", NOON + 3_000),
  out('10.0.0.1 - - "GET / HTTP/1.1" 503 12', NOON + 4_000),
];

describe.concurrent("the lines of an instance", () => {
  it("are told with what they say, the newest first", async ({ expect }) => {
    const { id, instance } = await running([...LINES, { ...out("long", NOON + 5_000), isCut: true }]);
    const { result } = await call("GET", `/applications/${id}/instances/${instance}/logs?limit=4`);
    const common = { instance, generation: 1 };
    expect(result.unavailable).toEqual([]);
    expect(result.entries).toEqual([
      {
        ...common,
        time: "2026-01-31T12:00:05.000Z",
        stream: "stdout",
        level: "info",
        status: null,
        message: "long",
        sequence: 5,
        truncated: true,
      },
      {
        ...common,
        time: "2026-01-31T12:00:04.000Z",
        stream: "stdout",
        level: "info",
        status: 503,
        message: LINES[4]?.text,
        sequence: 4,
      },
      {
        ...common,
        time: "2026-01-31T12:00:03.000Z",
        stream: "stderr",
        level: "error",
        status: null,
        message: "at server.ts:3",
        sequence: 1,
      },
      {
        ...common,
        time: "2026-01-31T12:00:02.000Z",
        stream: "stdout",
        level: "warn",
        status: 404,
        message: LINES[2]?.text,
        sequence: 3,
      },
    ]);
  });

  it.for([
    ["level=warn", [2, 3]],
    ["level=error", [3]],
    ["status=4xx", [2]],
    ["status=404&status=503", [2, 4]],
    ["stream=stderr", [3]],
    ["contains=nowhere", [2]],
    ["since=2026-01-31T12:00:03Z", [3, 4]],
    ["until=2026-01-31T13:00:01%2B01:00", [0, 1]],
    ["since=1s", []],
    ["level=info&stream=stdout&until=2026-01-31T12:00:02Z", [1, 2]],
  ] as const)("are those that are asked for: %s", async ([query, wanted], { expect }) => {
    const { id, instance } = await running(LINES);
    const found = await messages(`/applications/${id}/instances/${instance}/logs?order=oldest&${query}`);
    expect(found).toEqual(wanted.map((index) => LINES[index]?.text));
  });

  it("come in pages, each once, in either order, while more is printed", async ({ expect }) => {
    const lines = Array.from({ length: 7 }, (_, index) => out(`line ${index}`, NOON));
    const { id, instance, container } = await running(lines);
    const all = async (order: string) => {
      const seen: string[] = [];
      let token: string | undefined = "";
      while (token !== undefined) {
        const page = token === "" ? "" : `&page_token=${token}`;
        const path = `/applications/${id}/instances/${instance}/logs?limit=3&order=${order}${page}`;
        const { result, result_info: info } = await call("GET", path);
        seen.push(...result.entries.map(({ message }: Entry) => message));
        token = info?.next_page_token;
        if (order === "newest") container.init?.lines.push(out("later", NOON + seen.length));
      }
      return seen;
    };
    const texts = lines.map(({ text }) => text);
    expect(await all("oldest")).toEqual(texts);
    expect(await all("newest")).toEqual(texts.toReversed());
  });

  it("are there while it is not ready", async ({ expect }) => {
    const configuration = { image: "hello-world", checks: [{ type: "tcp", port: "web", kind: "ready", interval: 1 }] };
    const { id } = await createApplication({
      configuration: { ...configuration, ports: [{ name: "web", port: 8080 }] },
    });
    const [instance] = await untilReady(id, 1);
    const container = containerOf(instance?.id ?? "");
    container.init = { lines: [out("why")], exitCode: 0 };
    container.closedPorts.add(8080);
    await eventually(async () => (await instancesOf(id))[0]?.ready === false);
    expect(await messages(`/applications/${id}/logs`)).toEqual(["why"]);
  });
});

describe.concurrent("whoever reads", () => {
  it("keeps nothing awake", async ({ expect }) => {
    const configuration = { image: "hello-world", sleep_after: "1s" };
    const { id, name } = await createApplication({ instances: 0, named_instances: 1, configuration });
    expect((await raw("GET", `http://control.test/a/${name}/@bob/`)).status).toBe(200);
    const [bob] = await instancesOf(id);
    const container = containerOf(bob?.id ?? "");
    container.init = { lines: [out("here")], exitCode: 0 };
    expect(await messages(`/applications/${id}/instances/bob/logs`)).toEqual(["here"]);
    await eventually(async () => {
      await call("GET", `/applications/${id}/instances/bob/logs`);
      return !container.running;
    });
    expect(container.starts).toHaveLength(1);
  });
});

describe.concurrent("the lines of an application", () => {
  it("are those of all its instances by their time, or of one", async ({ expect }) => {
    const { id, instances } = await running(
      [out("first", NOON), out("third", NOON + 2)],
      [out("second", NOON + 1), out("fourth", NOON + 3)],
    );
    expect(await messages(`/applications/${id}/logs?order=oldest`)).toEqual(["first", "second", "third", "fourth"]);
    expect(await messages(`/applications/${id}/logs?instance=${instances[1]}`)).toEqual(["fourth", "second"]);
  });

  it("come without those that cannot be read, which are named", async ({ expect }) => {
    const { id, instances } = await running([out("here")], null);
    const { result } = await call("GET", `/applications/${id}/logs`);
    expect(result.entries).toHaveLength(1);
    expect(result.unavailable).toMatchObject([{ instance: instances[1], cause: "no_init" }]);
    expect(result.unavailable[0].message).toContain("/gantry-init");
  });

  it("are none where nothing was printed, and where nothing runs", async ({ expect }) => {
    const [{ id }, idle] = await Promise.all([running([]), createApplication({ instances: 0 })]);
    expect(await messages(`/applications/${id}/logs`)).toEqual([]);
    expect(await messages(`/applications/${idle.id}/logs`)).toEqual([]);
  });

  it("are those of the attempts of a job, where one is named", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true });
    const body = {
      name: "once",
      entrypoint: ["task"],
      environment_variables: [{ name: "TASK", value: "print=ERROR:bad exit=0" }],
    };
    expect((await call("POST", `/applications/${id}/jobs`, body)).status).toBe(201);
    const { result: job } = await call("GET", `/applications/${id}/jobs/once/wait?state=finished&timeout=20s`);
    expect(job.status.state).toBe("succeeded");
    const { result } = await call("GET", `/applications/${id}/logs?job=once`);
    expect(result.entries).toMatchObject([{ message: "ERROR:bad", level: "error", attempt: 1, stream: "stdout" }]);
    const missing = await call("GET", `/applications/${id}/logs?job=none`);
    expect(domainError(missing).error).toBe("JOB_NOT_FOUND");
  });
});

const whyNot = async (prepare: (app: Awaited<ReturnType<typeof running>>) => Promise<unknown> | void) => {
  const app = await running([]);
  await prepare(app);
  const one = await call("GET", `/applications/${app.id}/instances/${app.instance}/logs`);
  const { error: code, details } = domainError(one);
  return { status: one.status, code, cause: details["cause"], fix: String(details["fix"]) };
};
const endsWith = (exitCode: number) => (app: { container: FakeContainer }) => {
  app.container.init = { lines: [], exitCode };
};

describe.concurrent("logs that are not available", () => {
  it.for([
    ["no_init", endsWith(9), "COPY"],
    ["no_output_kept", endsWith(8), "entrypoint"],
    ["no_shell", endsWith(127), "shell"],
    [
      "not_running",
      async ({ id, instance }: { id: string; instance: string }) => {
        await call("POST", `/applications/${id}/instances/${instance}/stop`);
        await eventually(async () => (await instancesOf(id))[0]?.ready === false);
        await eventually(async () => !containerOf(instance).running);
      },
      "runs",
    ],
  ] as const)("say why, and what helps: %s", async ([cause, prepare, help], { expect }) => {
    const { fix, ...said } = await whyNot(prepare);
    expect(said).toEqual({ status: 404, code: "LOGS_NOT_AVAILABLE", cause });
    expect(fix).toContain(help);
  });

  it("are not available of an application of which no instance has any", async ({ expect }) => {
    const { id } = await running(null, null);
    const answer = await call("GET", `/applications/${id}/logs`);
    expect([answer.status, domainError(answer).details["cause"]]).toEqual([404, "no_init"]);
  });
});

describe.concurrent("what is asked in vain", () => {
  it.for([
    ["level=loud", "level"],
    ["status=42", "status[0]"],
    ["since=yesterday", "since"],
    ["since=1m&until=1h", "until"],
    ["limit=0", "limit"],
    ["job=a&instance=b", "instance"],
    ["job=a&follow=true", "follow"],
    ["order=oldest&follow=true", "order"],
    ["until=1m&follow=true", "until"],
    ["page_token=x&follow=true", "page_token"],
    ["page_token=%00", "page_token"],
  ] as const)("is refused: %s", async ([query, field], { expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const answer = await call("GET", `/applications/${id}/logs?${query}`);
    expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, [field]]);
  });
});

/** Server-sent events, as a browser reads them. */
async function follow(path: string, lastEventId?: string) {
  const response = await raw("GET", path, undefined, lastEventId === undefined ? {} : { "last-event-id": lastEventId });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) throw new Error("no body");
  let text = "";
  let isOver = false;
  const until = async (word: string) => {
    while (!text.includes(word) && !isOver) {
      const { value, done } = await reader.read();
      text += value ?? "";
      isOver = done;
    }
    return text;
  };
  const shown = () => [...text.matchAll(/"message":"([^"]*)"/g)].map(([, message]) => message);
  const lastId = () => [...text.matchAll(/^id: (.+)$/gm)].at(-1)?.[1];
  return { response, until, shown, lastId, close: () => reader.cancel() };
}

describe.concurrent("logs that are followed", () => {
  it("begin with the last lines, tell each new one once, and end with the instance", async ({ expect }) => {
    const { id, instance, container } = await running([out("one"), out("two"), out("three")]);
    const stream = await follow(`/applications/${id}/instances/${instance}/logs?follow=true&limit=2`);
    expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
    await stream.until("three");
    container.init?.lines.push(out("four"), error("five", NOON + 1));
    await stream.until("five");
    container.init?.lines.push(out("six"));
    await stream.until("six");
    expect(stream.shown()).toEqual(["two", "three", "four", "five", "six"]);
    await call("POST", `/applications/${id}/instances/${instance}/restart`);
    expect(await stream.until("StreamEnded")).toContain("the instance has ended");
  });

  it("go on where a client was that comes again", async ({ expect }) => {
    const { id, container } = await running([out("one"), out("two")]);
    const before = await follow(`/applications/${id}/logs?follow=true&limit=1`);
    await before.until("id: ");
    await before.close();
    container.init?.lines.push(out("three"), out("four"));
    const after = await follow(`/applications/${id}/logs?follow=true&limit=1`, before.lastId());
    await after.until("four");
    expect(after.shown()).toEqual(["three", "four"]);
    await after.close();
  });

  it("are filtered, and tell of instances that come, that go, and that have none", async ({ expect }) => {
    const { id } = await running([out("INFO one"), out("ERROR two")]);
    const stream = await follow(`/applications/${id}/logs?follow=true&level=error`);
    await stream.until("two");
    expect(stream.shown()).toEqual(["ERROR two"]);
    await call("PATCH", `/applications/${id}`, { instances: 2 });
    expect(await stream.until("LogsNotAvailable")).toContain("no_init");
    await call("PATCH", `/applications/${id}`, { instances: 0 });
    expect(await stream.until("InstanceEnded")).toContain("InstanceEnded");
    await stream.close();
  });

  it("cost nothing once nobody listens", async ({ expect }) => {
    const { id, container } = await running([out("one")]);
    const stream = await follow(`/applications/${id}/logs?follow=true`);
    await stream.until("one");
    await stream.close();
    // Whoever listens to another is told in the meantime.
    const other = await running([out("here")]);
    const execs = container.execs;
    const beside = await follow(`/applications/${other.id}/logs?follow=true`);
    for (const word of ["a", "b"]) {
      other.container.init?.lines.push(out(word));
      await beside.until(`"message":"${word}"`);
    }
    await beside.close();
    expect(container.execs).toBeLessThanOrEqual(execs + 1);
  });
});
