/**
 * Logs as `text/event-stream`. Containers are read while somebody listens, more seldom while they are silent, and nothing
 * runs once nobody does. After each round the cursor is told as `id`, so that a client that comes back misses nothing that
 * is still kept. A stream ends with its instance, and after a bounded time.
 */
import { inBatches } from "../../batches.ts";
import { cursorKey, formatCursor, type LogCursor, type Place } from "../../logs/cursor.ts";
import { matches, sorted, type LogFilter } from "../../logs/filter.ts";
import type { LogEntry } from "../../logs/entry.ts";
import type { InstanceView } from "../../orchestrator/views.ts";
import { GantryError } from "../../errors.ts";
import { sleep } from "../../sleep.ts";
import { readInstanceLogs, unavailable, type Read } from "../logs.ts";
import { wireLogEntry } from "../wire/logs.ts";
import { ENDED, STREAM_LIMITS } from "./server-sent-events.ts";

export interface Following {
  readonly env: Env;
  readonly filter: LogFilter;
  /** Of what was printed before. */
  readonly limit: number;
  /** The instances to be read now. Throws once there can be none. */
  readonly look: () => Promise<readonly InstanceView[]>;
  /** It ends with its instance. */
  readonly isOneInstance: boolean;
  /** Where the client was. */
  readonly cursor: LogCursor | null;
}

const ENTRY = "LogEntry";
const INSTANCE_ENDED = "InstanceEnded";
const UNAVAILABLE = "LogsNotAvailable";

/** How often a container is read that prints, and one that has long been silent. */
const READ_EVERY_MS = 1_000;
const READ_SILENT_EVERY_MS = 4_000;
const SLOWER = 1.3;

export function followLogs(following: Following, first: readonly Read[]): Response {
  const stream = new LogStream(following, first);
  const body = new ReadableStream<Uint8Array>(
    { pull: (controller) => stream.pull(controller), cancel: () => stream.cancel() },
    { highWaterMark: 1 },
  );
  const headers = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };
  return new Response(body, { headers });
}

class LogStream {
  readonly #following: Following;
  readonly #encoder = new TextEncoder();
  readonly #deadline = Date.now() + STREAM_LIMITS.maxMs;
  readonly #places: Map<string, Place>;
  /** Told once each. */
  readonly #missing = new Set<string>();
  #first: readonly Read[] | null;
  #everyMs = READ_EVERY_MS;
  #saidAt = 0;
  #isCancelled = false;

  constructor(following: Following, first: readonly Read[]) {
    this.#following = following;
    this.#first = first;
    this.#places = new Map(following.cursor ?? []);
  }

  cancel(): void {
    this.#isCancelled = true;
  }

  /** Gives the stream at least one more block, or ends it. */
  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#first !== null) {
      const first = this.#first;
      this.#first = null;
      this.#say(controller, `retry: ${STREAM_LIMITS.retryMs}\n\n${this.#beginning(first)}`);
      return;
    }
    while (!this.#isCancelled) {
      if (Date.now() >= this.#deadline) return this.#end(controller, ": come again\n\n");
      await sleep(this.#everyMs);
      if (this.#isCancelled) return;
      const { text, end } = await this.#round();
      if (this.#isCancelled) return;
      if (end !== null) return this.#end(controller, `${text}${block(ENDED, { reason: end })}`);
      if (text !== "") return this.#say(controller, text);
      if (Date.now() - this.#saidAt > STREAM_LIMITS.keepAliveMs) return this.#say(controller, ": keep-alive\n\n");
    }
  }

  #say(controller: ReadableStreamDefaultController<Uint8Array>, text: string): void {
    this.#saidAt = Date.now();
    controller.enqueue(this.#encoder.encode(text));
  }

  #end(controller: ReadableStreamDefaultController<Uint8Array>, text: string): void {
    this.#say(controller, text);
    controller.close();
  }

  /** The last lines before, or all since the client was last here. */
  #beginning(reads: readonly Read[]): string {
    const { cursor, limit } = this.#following;
    const isSeen = ({ instance, generation, stream, sequence }: LogEntry) => {
      const place = cursor?.get(cursorKey(instance));
      return place?.generation === generation && sequence <= place[stream];
    };
    const kept = reads.map((read) => ({ ...read, entries: read.entries.filter((entry) => !isSeen(entry)) }));
    return this.#tell(kept, cursor === null ? limit : null);
  }

  async #round(): Promise<{ readonly text: string; readonly end: string | null }> {
    const { env, look, isOneInstance } = this.#following;
    let views: readonly InstanceView[];
    try {
      views = await look();
    } catch (error) {
      if (!GantryError.is(error)) return { text: "", end: null };
      return { text: "", end: error.message };
    }
    const reads = await inBatches(views, async (view) => {
      return await readInstanceLogs(env, view, this.#places.get(cursorKey(view.instanceId)));
    });
    const [only] = reads;
    const place = only === undefined ? undefined : this.#places.get(cursorKey(only.view.instanceId));
    const isOver = only?.why === "not_running" || (place !== undefined && only?.generation !== place.generation);
    if (isOneInstance && isOver) return { text: "", end: "the instance has ended: what it prints next is of another" };
    const ended = this.#gone(views);
    const text = `${this.#tell(reads, null)}${ended}`;
    this.#everyMs = text === "" ? Math.min(READ_SILENT_EVERY_MS, this.#everyMs * SLOWER) : READ_EVERY_MS;
    return { text, end: null };
  }

  /** Of those that were read before and are no more. */
  #gone(views: readonly InstanceView[]): string {
    const live = new Set(views.map(({ instanceId }) => cursorKey(instanceId)));
    let text = "";
    for (const key of this.#places.keys()) {
      if (live.has(key)) continue;
      this.#places.delete(key);
      text += block(INSTANCE_ENDED, { instance: key });
    }
    return text;
  }

  #tell(reads: readonly Read[], limit: number | null): string {
    for (const { view, generation, next, why } of reads) {
      if (why === null) this.#places.set(cursorKey(view.instanceId), { generation, ...next });
    }
    const missing = reads.flatMap(({ view, why }) => {
      if (why === null || why === "not_running" || why === "no_answer") return [];
      const key = `${view.instanceId} ${why}`;
      if (this.#missing.has(key)) return [];
      this.#missing.add(key);
      return [block(UNAVAILABLE, unavailable(view.instanceId, why))];
    });
    const wanted = reads.flatMap(({ entries }) => entries.filter((entry) => matches(entry, this.#following.filter)));
    const all = sorted(wanted, "oldest");
    const told = (limit === null ? all : all.slice(-limit)).map((entry) => block(ENTRY, wireLogEntry(entry)));
    if (told.length === 0 && missing.length === 0) return "";
    return `${missing.join("")}${told.join("")}id: ${formatCursor(this.#places)}\n\n`;
  }
}

function block(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
