/** Requests of many clients at once for a while, each client one after another: what a second holds, and how long one takes. */
import { Client, expectOk, type CallOptions, type Target } from "../proxy/http-client.ts";
import { percentile } from "../statistics.ts";

export interface Call {
  readonly target: Target;
  readonly options?: CallOptions;
}

export interface Round {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
}

export interface LoadOptions {
  readonly clients: number;
  readonly roundMs: number;
  readonly signal: AbortSignal;
}

/** `make` gives the next request; it is told how many there were before. */
export async function runRound(
  make: (index: number) => Call,
  { clients, roundMs, signal }: LoadOptions,
): Promise<Round> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  let next = 0;
  await runClients(clients, async (client) => {
    while (performance.now() - startedAt < roundMs) {
      signal.throwIfAborted();
      const { target, options } = make(next++);
      const sentAt = performance.now();
      await expectOk(client, target, options);
      latencies.push(performance.now() - sentAt);
    }
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  return {
    perSecond: latencies.length / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    count: latencies.length,
  };
}

/** A fixed number of requests: how many a second were answered. */
export async function runCount(
  make: (index: number) => Call,
  count: number,
  { clients, signal }: LoadOptions,
): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  await runClients(clients, async (client) => {
    while (next < count) {
      signal.throwIfAborted();
      const { target, options } = make(next++);
      await expectOk(client, target, options);
    }
  });
  return count / ((performance.now() - startedAt) / 1_000);
}

async function runClients(count: number, work: (client: Client) => Promise<void>): Promise<void> {
  const clients = Array.from({ length: count }, () => new Client());
  try {
    await Promise.all(clients.map(work));
  } finally {
    for (const client of clients) client.close();
  }
}
