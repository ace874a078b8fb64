/** What a measurement is made of, whom it may ask, and what it comes to. */
import type { GateCheck } from "../../containers/gate-check.ts";
import type { ProbeResult } from "../../containers/probe.ts";
import type { RequestTotals } from "../../containers/request-tally.ts";
import type { Measurement } from "./gates.ts";

/** An instance at the target that takes requests. */
export interface Member {
  readonly deploymentId: string;
  readonly generation: number;
  /** Its public id. */
  readonly instanceId: string;
}

export interface MeasureDeps {
  readonly members: () => Promise<readonly Member[]>;
  /** Follows no redirect, and ends with the request's signal. */
  readonly fetchWebhook: (request: Request) => Promise<Response>;
  /** Null: it takes no requests any more. */
  readonly checkInstance: (member: Member, check: GateCheck) => Promise<ProbeResult | null>;
  readonly requestCounts: (member: Member, since: number) => Promise<RequestTotals>;
}

export interface Subject {
  readonly rollout: string;
  readonly application: string;
  readonly version: number;
  /** From 1, as people count them. */
  readonly step: number;
  readonly stepStartedAt: number;
  readonly percentage: number;
  /** The how-manieth of this gate in this step, from 1. */
  readonly measurement: number;
  /** From when on requests count. */
  readonly since: number;
}

export type Result = Pick<Measurement, "verdict" | "message">;

export function inconclusive(message: string): Result {
  return { verdict: "inconclusive", message };
}

/** Rejects when it is over before that. */
export async function unlessOver<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = aborted(signal).then((): never => {
    throw new Error("nobody said in time who is at the target");
  });
  return await Promise.race([work, over]);
}

export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
