/**
 * Hooks: a Worker hears when a container starts, stops, fails or runs out of its time. Gantry calls
 * `env.<binding>.containerEvent(event)` at least once for each event, and again until that returns: a handler must bear
 * a second call, or leave that to `rememberEvents`.
 *
 *     const deliver = createHooks({ transcoder: { onStop: (event, { env }) => … } });
 *     export class ContainerEvents extends WorkerEntrypoint<Env> {
 *       containerEvent(event: unknown) {
 *         return deliver(event, { env: this.env, ctx: this.ctx });
 *       }
 *     }
 */
import * as z from "zod";
import { invalidInput } from "./errors.ts";

/** Made when it is first used: a Worker without hooks does not load what makes it. */
let made: ReturnType<typeof makeSchema> | undefined;

function makeSchema() {
  const base = {
    application: z.string().min(1),
    /** Public id: 64 hex digits. */
    instance: z.string().min(1),
    /** What `get` was called with; null for a member of the pool. */
    name: z.string().nullable(),
    /** Which start of the instance: it grows with each, and there is one event of each type per start. */
    generation: z.int().min(0),
    /** ISO 8601. */
    at: z.string(),
  };
  return z.discriminatedUnion("type", [
    z.object({ ...base, type: z.literal("start") }),
    z.object({
      ...base,
      type: z.literal("stop"),
      exitCode: z.int().nullable().default(null),
      reason: z.string().nullable().default(null),
    }),
    z.object({ ...base, type: z.literal("error"), code: z.string(), message: z.string() }),
    z.object({ ...base, type: z.literal("hard_timeout"), afterMs: z.number() }),
  ]);
}

const TYPES = ["start", "stop", "error", "hard_timeout"] as const;

export type ContainerEvent = z.output<ReturnType<typeof makeSchema>>;
type EventOf<T extends ContainerEvent["type"]> = Extract<ContainerEvent, { type: T }>;

export interface HookContext<Env = unknown> {
  readonly env: Env;
  readonly ctx: { waitUntil(promise: Promise<unknown>): void };
}

type Handler<T extends ContainerEvent["type"], Env> = (event: EventOf<T>, context: HookContext<Env>) => unknown;

export interface ContainerHooks<Env = unknown> {
  readonly onStart?: Handler<"start", Env>;
  readonly onStop?: Handler<"stop", Env>;
  readonly onError?: Handler<"error", Env>;
  /** The container gets its SIGTERM whatever this does. */
  readonly onHardTimeout?: Handler<"hard_timeout", Env>;
}

/** Remembers which events a handler is done with. */
export interface SeenEvents {
  has(key: string): boolean | Promise<boolean>;
  add(key: string): unknown;
}

export interface HookOptions {
  readonly seen?: SeenEvents;
}

/** The same for every delivery of one event. */
export function eventKey({
  instance,
  generation,
  type,
}: Pick<ContainerEvent, "instance" | "generation" | "type">): string {
  return `${instance}:${generation}:${type}`;
}

/**
 * In the isolate's memory, which is enough against deliveries that follow each other at once; what must never happen
 * twice needs `has` and `add` over storage.
 */
export function rememberEvents(most = 1_000): SeenEvents {
  const keys = new Set<string>();
  return {
    has: (key) => keys.has(key),
    add(key) {
      keys.add(key);
      const [oldest] = keys;
      if (keys.size > most && oldest !== undefined) keys.delete(oldest);
    },
  };
}

/**
 * What `containerEvent` hands its event to; hooks by application. It rejects when the handler does, so that Gantry calls
 * again, and is done with events of no handler and of types that came after this release.
 */
export function createHooks<Env = unknown>(
  hooks: Readonly<Record<string, ContainerHooks<Env>>>,
  { seen }: HookOptions = {},
): (event: unknown, context: HookContext<Env>) => Promise<void> {
  const byApplication = new Map(Object.entries(hooks));
  const running = new Map<string, Promise<void>>();
  return async (given, context) => {
    const event = parseEvent(given);
    const handlers = event === null ? undefined : byApplication.get(event.application);
    if (event === null || handlers === undefined) return;
    if (seen === undefined) return await run(handlers, event, context);
    const key = eventKey(event);
    if (await seen.has(key)) return;
    // A second delivery while the first is being handled waits for it, and fails with it.
    const under = running.get(key) ?? run(handlers, event, context).then(() => void seen.add(key));
    running.set(key, under);
    try {
      await under;
    } finally {
      running.delete(key);
    }
  };
}

/** Null for an event that only a newer release knows. */
function parseEvent(given: unknown): ContainerEvent | null {
  made ??= makeSchema();
  const { data, error } = made.safeParse(given);
  if (data !== undefined) return data;
  const { type } = (given ?? {}) as { type?: unknown };
  if (typeof type === "string" && !TYPES.some((known) => known === type)) return null;
  throw invalidInput(
    "containerEvent",
    Object.fromEntries(error.issues.map(({ path, message }) => [path.join("."), message])),
  );
}

async function run<Env>(hooks: ContainerHooks<Env>, event: ContainerEvent, context: HookContext<Env>): Promise<void> {
  switch (event.type) {
    case "start":
      await hooks.onStart?.(event, context);
      break;
    case "stop":
      await hooks.onStop?.(event, context);
      break;
    case "error":
      await hooks.onError?.(event, context);
      break;
    case "hard_timeout":
      await hooks.onHardTimeout?.(event, context);
      break;
  }
}
