/** Watching the events of an application: server-sent events, WebSockets, cursors, and what watchers cost. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { MAX_WATCHERS, SOCKET_LIFETIME_MS } from "../../src/orchestrator/event-socket.ts";
import { appendEvents, EVENTS_KEPT } from "../../src/orchestrator/events.ts";
import { Database } from "../../src/database.ts";
import { watchRequest } from "../../src/orchestrator/watch-request.ts";
import { applicationStub } from "../../src/stubs.ts";
import { call, createApplication, domainError, eventually, raw, testEnv, untilReady } from "./client.ts";

const IDLE = { instances: 0 };
const SSE = { accept: "text/event-stream" };
const applicationOf = (id: string) => applicationStub(testEnv, id);

interface Block {
  readonly id?: string;
  readonly event?: string;
  readonly data?: { id: string; name: string; reason?: string };
}

/** Reads blocks of an event stream as they come, as a browser's EventSource does. */
class EventSourceReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #rest = "";
  readonly blocks: Block[] = [];
  lastEventId = "";
  isDone = false;

  constructor(response: Response) {
    if (response.status !== 200 || response.body === null) throw new Error(`no stream: ${response.status}`);
    this.#reader = response.body.getReader();
  }

  /** Reads until `isEnough`, or to the end of the stream. */
  async until(isEnough: (blocks: readonly Block[]) => boolean): Promise<readonly Block[]> {
    while (!this.isDone && !isEnough(this.blocks)) {
      const { value, done } = await this.#reader.read();
      this.isDone = done;
      this.#take(done ? "" : this.#decoder.decode(value, { stream: true }));
    }
    return this.blocks;
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }

  #take(text: string): void {
    const parts = (this.#rest + text).split("\n\n");
    this.#rest = parts.pop() ?? "";
    for (const part of parts) {
      const fields = Object.fromEntries(part.split("\n").map((line) => line.split(/: (.*)/s, 2)));
      if (fields["id"] !== undefined) this.lastEventId = fields["id"];
      if (fields["data"] !== undefined) this.blocks.push({ ...fields, data: JSON.parse(fields["data"]) });
    }
  }
}

async function watch(id: string, query = "", headers: Record<string, string> = {}): Promise<EventSourceReader> {
  return new EventSourceReader(
    await raw("GET", `/applications/${id}/events${query}`, undefined, { ...SSE, ...headers }),
  );
}

interface Watcher {
  readonly socket: WebSocket;
  readonly messages: { id?: string; name?: string; cursor?: string; end?: string }[];
  readonly closed: Promise<{ code: number; reason: string }>;
}

async function connect(id: string, query = "", headers: Record<string, string> = {}): Promise<Watcher> {
  const response = await raw("GET", `/applications/${id}/events${query}`, undefined, {
    upgrade: "websocket",
    ...headers,
  });
  const { webSocket } = response;
  if (!webSocket) throw new Error(`no WebSocket: ${response.status} ${await response.text()}`);
  const messages: Watcher["messages"] = [];
  const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
  webSocket.addEventListener("message", ({ data }) => {
    if (data !== "pong") messages.push(JSON.parse(String(data)));
  });
  webSocket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
  webSocket.accept();
  return { socket: webSocket, messages, closed: promise };
}

const idsOf = (messages: Watcher["messages"]) => messages.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]));
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** Past the object, which hears of it with its next own event. */
async function append(id: string, count: number, name = "Tested"): Promise<void> {
  await runInDurableObject(applicationOf(id), (_: Application, state) => {
    const drafts = Array.from({ length: count }, () => ({ type: "Info", name, message: name }) as const);
    appendEvents(new Database(state.storage), drafts, Date.now());
  });
}

/** Scales to and fro without starting anything for long: every call is at least one event. */
async function stir(id: string): Promise<void> {
  await call("PATCH", `/applications/${id}`, { instances: 1 });
  await call("PATCH", `/applications/${id}`, { instances: 0 });
}

/** Moves the place of an application's only watcher. Returns what it was. */
async function changePlace(id: string, change: { left?: number; openedAt?: number }) {
  return await runInDurableObject(applicationOf(id), (_: Application, state) => {
    const [socket] = state.getWebSockets();
    const place = socket?.deserializeAttachment() as { left: number; openedAt: number };
    socket?.serializeAttachment({ ...place, ...change });
    return place;
  });
}

/** One event and no start. */
const VERSION = { configuration: { image: "hello-world", environment_variables: [{ name: "A", value: "1" }] } };

async function alarmOf(id: string): Promise<number | null> {
  return await runInDurableObject(applicationOf(id), (_: Application, state) => state.storage.getAlarm());
}

/** Rows and alarms that something costs an application. */
async function costOf(id: string, act: () => Promise<unknown>): Promise<{ rows: number; alarms: number }> {
  const before = await applicationOf(id).billing();
  await act();
  const after = await applicationOf(id).billing();
  return { rows: after.rowsWritten - before.rowsWritten, alarms: after.alarmsSet - before.alarmsSet };
}

async function newestOf(id: string): Promise<number> {
  const page = (await call("GET", `/applications/${id}/events?per_page=1000`)).result;
  return Number(page.at(-1).id);
}

/** What a browser sends, which cannot send a token in a header. */
function upgradeHeaders(protocols: string, isUpgrade = true): Headers {
  const headers = new Headers({ "sec-websocket-protocol": protocols });
  if (isUpgrade) headers.set("upgrade", "websocket");
  return headers;
}

describe("server-sent events", () => {
  it("give what is kept, then what happens, as lists show it", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const stream = await watch(id);
    await stream.until((blocks) => blocks.length === 1);
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    await untilReady(id, 1);
    const { result } = await call("GET", `/applications/${id}/events`);
    const blocks = await stream.until((seen) => seen.length === result.length);
    expect(blocks.map(({ data }) => data)).toEqual(result);
    expect(blocks.map(({ id: cursor, event }) => [cursor, event])).toEqual(
      result.map((event: { id: string; name: string }) => [event.id, event.name]),
    );
    await stream.close();
  });

  it("are there for an application that the query names, and take the filters of lists", async ({ expect }) => {
    const { id, name } = await createApplication(IDLE);
    const query = `application=${name}&name=ApplicationScaled&name=Nothing`;
    const response = await raw("GET", `/events?${query}`, undefined, SSE);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    const stream = new EventSourceReader(response);
    await stir(id);
    const blocks = await stream.until((seen) => seen.length === 2);
    expect(blocks.map(({ event }) => event)).toEqual(["ApplicationScaled", "ApplicationScaled"]);
    await stream.close();
  });

  it("resumed again and again while events are appended lose and repeat nothing", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const seen: number[] = [];
    let cursor = "0";
    const writing = { isDone: false };
    const writer = (async () => {
      for (let round = 0; round < 15; round += 1) await stir(id);
      writing.isDone = true;
    })();
    const readOn = async (isEnough: (blocks: readonly Block[]) => boolean, meanwhile = async () => {}) => {
      const stream = await watch(id, "?after=0", { "last-event-id": cursor });
      await meanwhile();
      const blocks = await stream.until(isEnough);
      seen.push(...blocks.map((block) => Number(block.data?.id)));
      cursor = stream.lastEventId;
      await stream.close();
    };
    while (!writing.isDone) await readOn((blocks) => blocks.length > 0);
    await writer;
    await readOn(
      () => false,
      async () => void (await call("DELETE", `/applications/${id}`)),
    );
    const numbers = seen.filter((number) => !Number.isNaN(number));
    expect(numbers.length).toBeGreaterThan(30);
    expect(numbers).toEqual(upTo(numbers.length));
  });

  it("go on when the application is evicted or its connections are cut", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const stream = await watch(id);
    await stream.until((blocks) => blocks.length === 1);
    await evictDurableObject(applicationOf(id));
    await stir(id);
    await evictDurableObject(applicationOf(id), { webSockets: "close" });
    await stir(id);
    const newest = await newestOf(id);
    const blocks = await stream.until((seen) => seen.length >= newest);
    expect(blocks.map(({ data }) => Number(data?.id))).toEqual(upTo(blocks.length));
    await stream.close();
  });

  it("end with the application's deletion, after its last event", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    const stream = await watch(id);
    await call("DELETE", `/applications/${id}`);
    const blocks = await stream.until(() => false);
    expect(stream.isDone).toBe(true);
    expect(blocks.map(({ event }) => event).slice(-3)).toEqual(["VMStopping", "VMStopped", "StreamEnded"]);
    expect(blocks.at(-1)?.data).toEqual({ reason: "deleted" });
    expect((await raw("GET", `/applications/${id}/events`, undefined, SSE)).status).toBe(404);
  });

  it("of fifty watchers reach each of them and cost no row and no alarm", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const before = await applicationOf(id).billing();
    const streams = await Promise.all(upTo(50).map(() => watch(id)));
    await Promise.all(streams.map((stream) => stream.until((blocks) => blocks.length === 1)));
    expect(await applicationOf(id).billing()).toEqual(before);
    expect(await alarmOf(id)).toBeNull();
    const scaling = await costOf(id, () => call("PATCH", `/applications/${id}`, VERSION));
    const all = await Promise.all(streams.map((stream) => stream.until((blocks) => blocks.length === 2)));
    for (const blocks of all)
      expect(blocks.map(({ event }) => event)).toEqual(["ApplicationCreated", "VersionCreated"]);
    const unwatched = await createApplication(IDLE);
    expect(scaling).toEqual(await costOf(unwatched.id, () => call("PATCH", `/applications/${unwatched.id}`, VERSION)));
    expect(await alarmOf(id)).toBeNull();
    await Promise.all(streams.map((stream) => stream.close()));
    await eventually(async () => {
      return await runInDurableObject(
        applicationOf(id),
        (_: Application, state) => state.getWebSockets().filter((socket) => socket.readyState === 1).length === 0,
      );
    });
  });
});

describe("a WebSocket of events", () => {
  it("says its cursor, then gives what is kept and what happens", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const { socket, messages } = await connect(id);
    await stir(id);
    const { result } = await call("GET", `/applications/${id}/events`);
    await eventually(async () => messages.length >= result.length + 1);
    expect(messages.slice(0, result.length + 1)).toEqual([{ cursor: "0" }, ...result]);
    socket.close();
  });

  it("misses nothing of what happens around the application's hibernation", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const { socket, messages } = await connect(id, "?after=1");
    for (let round = 0; round < 3; round += 1) {
      await evictDurableObject(applicationOf(id));
      await stir(id);
    }
    const newest = await newestOf(id);
    await eventually(async () => idsOf(messages).length >= newest - 1);
    expect(messages[0]).toEqual({ cursor: "1" });
    expect(idsOf(messages)).toEqual(upTo(idsOf(messages).length + 1, 2));
    socket.close();
  });

  it("sends after a crash what was written and not sent", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const { socket, messages } = await connect(id, "?after=1");
    // Written by another hand than the object's: as if it had died before it sent them.
    await runInDurableObject(applicationOf(id), (_: Application, state) => {
      for (const event of [2, 3]) {
        const body = JSON.stringify({ type: "Info", name: "Unsent", message: "unsent" });
        state.storage.sql.exec("INSERT INTO events VALUES (?, 0, ?)", event, body);
      }
    });
    expect(idsOf(messages)).toEqual([]);
    await evictDurableObject(applicationOf(id));
    await call("GET", `/applications/${id}`);
    await eventually(async () => idsOf(messages).length === 2);
    expect(idsOf(messages)).toEqual([2, 3]);
    socket.close();
  });

  it("answers ping, takes no other message, and lets its client close", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const first = await connect(id);
    const pong = new Promise((resolve) => {
      first.socket.addEventListener("message", ({ data }) => data === "pong" && resolve(data));
    });
    first.socket.send("ping");
    expect(await pong).toBe("pong");
    first.socket.send("hello");
    expect(await first.closed).toMatchObject({ code: 1_003 });
    const second = await connect(id);
    second.socket.close(1_000, "bye");
    expect((await second.closed).code).toBe(1_000);
    await eventually(async () => {
      return await runInDurableObject(
        applicationOf(id),
        (_: Application, state) => state.getWebSockets().filter(({ readyState }) => readyState === 1).length === 0,
      );
    });
  });

  it("ends with the application's deletion", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    const { messages, closed } = await connect(id);
    await call("DELETE", `/applications/${id}`);
    expect(await closed).toEqual({ code: 1_000, reason: "deleted" });
    expect(messages.at(-1)).toMatchObject({ end: "deleted", cursor: messages.at(-2)?.id });
    expect(messages.at(-2)).toMatchObject({ name: "VMStopped" });
  });

  it("takes the token as a protocol, which browsers can send, and never says it back", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const url = `http://control.test/client/v4/containers/applications/${id}/events`;
    // Without the header that `raw` sends.
    const send = (headers: Headers) => exports.default.fetch(new Request(url, { headers }));
    const accepted = await send(upgradeHeaders("gantry.events, gantry.token.test-token"));
    expect([accepted.status, accepted.headers.get("sec-websocket-protocol")]).toEqual([101, "gantry.events"]);
    accepted.webSocket?.accept();
    accepted.webSocket?.close();
    expect((await send(upgradeHeaders("gantry.events, gantry.token.wrong"))).status).toBe(401);
    expect((await send(upgradeHeaders("gantry.events"))).status).toBe(401);
    expect((await send(upgradeHeaders("gantry.events, gantry.token.test-token", false))).status).toBe(401);
  });

  it("that has carried its share ends with where to go on", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const first = await connect(id);
    const left = await changePlace(id, { left: 2 });
    expect(left.left).toBeGreaterThan(10_000);
    for (let round = 0; round < 3; round += 1) await stir(id);
    expect(await first.closed).toEqual({ code: 1_013, reason: "connect again with after=3" });
    expect(idsOf(first.messages)).toEqual([1, 2, 3]);
    const second = await connect(id, "?after=3");
    await eventually(async () => second.messages.length >= 3);
    expect(second.messages.slice(0, 3).map((message) => message.id ?? message.cursor)).toEqual(["3", "4", "5"]);
    second.socket.close();
  });

  it("of an hour ago is told nothing more: its token may be revoked by then", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const { messages, closed } = await connect(id);
    const { openedAt } = await changePlace(id, {});
    await changePlace(id, { openedAt: openedAt - SOCKET_LIFETIME_MS });
    await stir(id);
    expect(await closed).toEqual({ code: 1_013, reason: "connect again with after=1" });
    expect(idsOf(messages)).toEqual([1]);
  });

  it("is refused when an application has as many as it can hold", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    await runInDurableObject(applicationOf(id), (application: Application) => {
      for (let watcher = 0; watcher < MAX_WATCHERS; watcher += 1) {
        application.fetch(watchRequest({ cursor: 1, filter: {} })).webSocket?.accept();
      }
    });
    const response = await raw("GET", `/applications/${id}/events`, undefined, SSE);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(domainError(await response.json()).error).toBe("TOO_MANY_WATCHERS");
    await call("DELETE", `/applications/${id}`);
  });

  it("tells its cursor when everything is filtered out, so that it does not expire", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const { socket, messages } = await connect(id, "?name=ApplicationScaled");
    await append(id, 1_500, "Noise");
    await call("PATCH", `/applications/${id}`, VERSION);
    await eventually(async () => messages.length === 2);
    expect(messages).toEqual([{ cursor: "0" }, { cursor: "1502" }]);
    socket.close();
  });
});

describe("a cursor that is not kept", () => {
  it.for(["list", "sse", "websocket"] as const)(
    "is 410 for a %s, with the oldest that is",
    async (kind, { expect }) => {
      const { id } = await createApplication(IDLE);
      for (let batch = 0; batch < 12; batch += 1) await append(id, 1_000);
      const headers = { list: {}, sse: SSE, websocket: { upgrade: "websocket" } }[kind];
      const ask = async (after: number) => {
        const response = await raw("GET", `/applications/${id}/events?after=${after}`, undefined, headers);
        const error = domainError(await response.json());
        return [response.status, error.error, error.details["oldest"]];
      };
      const oldest = 12_000 - EVENTS_KEPT + 1;
      expect(await ask(1)).toEqual([410, "CURSOR_EXPIRED", String(oldest)]);
      expect(await ask(oldest - 2)).toEqual([410, "CURSOR_EXPIRED", String(oldest)]);
      expect(await ask(20_000)).toEqual([410, "CURSOR_EXPIRED", String(oldest)]);
    },
  );
});

describe("a list of events", () => {
  it("is walked by page_token with filters, each event once", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    for (let round = 0; round < 4; round += 1) await stir(id);
    const all = (await call("GET", `/applications/${id}/events?name=ApplicationScaled`)).result;
    expect(all).toHaveLength(8);
    const walked: unknown[] = [];
    let token = "";
    for (let page = 0; page < 9; page += 1) {
      const answer = await call("GET", `/applications/${id}/events?name=ApplicationScaled&per_page=3${token}`);
      walked.push(...answer.result);
      if (answer.result_info?.next_page_token === undefined) break;
      token = `&page_token=${answer.result_info.next_page_token}`;
    }
    expect(walked).toEqual(all);
  });

  it("narrows by type, deployment and time", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 }, "exits-3");
    const { result } = await eventually(async () => {
      const answer = await call("GET", `/applications/${id}/events?type=Error&type=Warn`);
      return answer.result.length >= 2 && answer;
    });
    expect(new Set(result.map(({ type }: { type: string }) => type))).toEqual(new Set(["Error"]));
    const deployment = result[0].deployment_id;
    const own = (await call("GET", `/applications/${id}/events?deployment=${deployment}`)).result;
    expect(new Set(own.map((event: { deployment_id: string }) => event.deployment_id))).toEqual(new Set([deployment]));
    expect((await call("GET", `/applications/${id}/events?since=2999-01-01T00:00:00Z`)).result).toEqual([]);
    expect(
      (await call("GET", `/applications/${id}/events?since=2001-01-01T00:00:00%2B02:00`)).result.length,
    ).toBeGreaterThanOrEqual(own.length);
  });

  it.for([
    ["?type=Bad", {}, "type[0]"],
    ["?name=%3Cscript%3E", {}, "name[0]"],
    ["?since=yesterday", {}, "since"],
    ["?after=1&page_token=1", {}, "page_token"],
    ["?page_token=x", {}, "page_token"],
    ["?per_page=3", SSE, "per_page"],
    ["?page_token=1", { upgrade: "websocket" }, "page_token"],
    ["", { ...SSE, "last-event-id": "abc" }, "Last-Event-ID"],
  ] as const)("refuses %s", async ([query, headers, field], { expect }) => {
    const { id } = await createApplication(IDLE);
    const response = await raw("GET", `/applications/${id}/events${query}`, undefined, headers);
    expect(response.status).toBe(400);
    expect(Object.keys(domainError(await response.json()).details)).toEqual([field]);
  });
});
