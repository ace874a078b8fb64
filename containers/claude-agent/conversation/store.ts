/**
 * Where a conversation outlives its container: one value in the KV namespace that egress grants. That there is no gateway, or
 * no grant, is an answer, and the conversation is then in memory; that it did not answer is none, or the next write would
 * replace what could not be read.
 */
import type { Exchange } from "./history.ts";
import type { UsageTotals } from "./usage.ts";

export interface Stored {
  readonly exchanges: readonly Exchange[];
  readonly dropped: number;
  readonly usage: UsageTotals;
}

export interface Store {
  readonly kind: "kv" | "memory";
  write(stored: Stored): Promise<void>;
}

export interface Opened {
  readonly store: Store;
  /** Null: nothing yet. */
  readonly stored: Stored | null;
}

const TIMEOUT_MS = 10_000;
const FORMAT = 1;
/** What says that this application may not use it, or that it is not there. */
const ABSENT: ReadonlySet<string> = new Set(["BINDING_NOT_GRANTED", "BINDING_NOT_AVAILABLE"]);

export const IN_MEMORY: Opened = { store: { kind: "memory", write: async () => undefined }, stored: null };

/** `name`: of the conversation. */
export async function openStore(historyUrl: string | null, name: string): Promise<Opened> {
  if (historyUrl === null) return IN_MEMORY;
  // The key's own text is encoded, so that a name with a slash is one part of it; the URL encodes that once more.
  const url = `${historyUrl}/${encodeURIComponent(encodeURIComponent(name))}/conversation`;
  const answer = await ask(url, "GET");
  const text = await answer.text();
  if (ABSENT.has(answer.headers.get("gantry-error") ?? "")) return IN_MEMORY;
  if (!answer.ok && answer.status !== 404) throw failed("read", answer, text);
  return { store: keptAt(url), stored: answer.ok ? parse(text) : null };
}

function keptAt(url: string): Store {
  return {
    kind: "kv",
    write: async (stored) => {
      const answer = await ask(url, "PUT", JSON.stringify({ format: FORMAT, ...stored }));
      const text = await answer.text();
      if (!answer.ok) throw failed("kept", answer, text);
    },
  };
}

function parse(text: string): Stored {
  const { format, ...stored } = JSON.parse(text) as Stored & { readonly format: number };
  if (format === FORMAT) return stored;
  throw new Error(`the history is of format ${format}, and this program reads ${FORMAT}`);
}

async function ask(url: string, method: string, body?: string): Promise<Response> {
  const sent = body === undefined ? {} : { body, headers: { "content-type": "application/json" } };
  return await fetch(url, { method, ...sent, signal: AbortSignal.timeout(TIMEOUT_MS) });
}

function failed(what: string, { status }: Response, text: string): Error {
  return new Error(`the history could not be ${what}: ${status} ${text.slice(0, 200)}`);
}
