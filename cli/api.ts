/** The control API as commands call it: tried again where that is safe, with answers typed and bodies as they were checked. */
import {
  GantryError,
  type Answer,
  type Client,
  type ListOperation,
  type OperationName,
  type Operations,
} from "../src/sdk/client/index.ts";
import type { Io } from "./io.ts";

export interface Sent {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly ifMatch?: string;
  readonly owner?: string;
}

export interface Api {
  send<O extends OperationName>(operation: O, sent?: Sent): Promise<Answer<Operations[O]["result"]>>;
  list<O extends ListOperation>(
    operation: O,
    sent?: Pick<Sent, "params" | "query">,
  ): Promise<Extract<Operations[O]["result"], readonly unknown[]>[number][]>;
  /** Once, whatever comes of it. */
  once<O extends OperationName>(operation: O, sent?: Sent): Promise<Answer<Operations[O]["result"]>>;
}

type ItemsOf = (operation: string, sent: Sent) => AsyncGenerator<never>;

const TRIES = 6;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 5_000;

export function apiOver(client: Client, { sleep }: Pick<Io, "sleep">): Api {
  // What was checked by the API's own schemas needs no second set of types.
  const request = client.request.bind(client) as unknown as (operation: string, sent: Sent) => Promise<Answer<never>>;
  const again = async <T>(isSafe: boolean, work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isSafe || attempt === TRIES || !GantryError.is(error) || !mayRetry(error)) throw error;
        await sleep(Math.min(MAX_PAUSE_MS, error.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1)));
      }
    }
  };
  return {
    send: (operation, sent = {}) => {
      const isSafe = operation.startsWith("GET ") || sent.idempotencyKey !== undefined;
      return told(operation, sent, () => again(isSafe, () => request(operation, sent)));
    },
    once: (operation, sent = {}) => told(operation, sent, () => request(operation, sent)),
    list: (operation, sent = {}) =>
      told(operation, sent, () =>
        again(true, async () => {
          const items = (client.items as unknown as ItemsOf)(operation, sent);
          const all: never[] = [];
          for await (const item of items) all.push(item);
          return all;
        }),
      ),
  };
}

/** Errors name the path that was asked for. */
async function told<T>(operation: string, sent: Sent, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (GantryError.is(error)) error.message = error.message.replace(operation, () => filled(operation, sent));
    throw error;
  }
}

/** The path as it was asked for, which is what people know. */
function filled(operation: string, { params = {} }: Sent): string {
  return operation.replace(/\{(\w+)\}/g, (template, name: string) => params[name] ?? template);
}

/** A timeout of ours too: every write carries a key. */
function mayRetry({ code, retryable }: GantryError): boolean {
  return retryable || code === "TIMEOUT";
}

export function isCode(error: unknown, ...codes: readonly string[]): error is GantryError {
  return GantryError.is(error) && codes.includes(error.code);
}

/** The code, the sentence and what explains it. */
export function describeFailure(error: unknown): string {
  if (!GantryError.is(error)) return error instanceof Error ? error.message : String(error);
  const { request_id: _, ...details } = error.details;
  const texts = Object.entries(details)
    .filter(([, value]) => typeof value === "string" && !error.message.includes(value))
    .map(([key, value]) => `${key}: ${String(value)}`);
  return [`${error.code}: ${error.message}`, ...texts].join("; ");
}
