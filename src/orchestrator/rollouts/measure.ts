/**
 * Makes one measurement of a gate. It ends at its timeout, whether what it asks goes on or not, and changes nothing: made
 * again after a crash it says the same. What keeps it from being made is no failure of the version: it is inconclusive.
 */
import { assertNever } from "../../assert-never.ts";
import { describeError } from "../../errors.ts";
import type { Gate } from "./gates.ts";
import { measureCheck, measureErrorRate } from "./measure-instances.ts";
import { measureWebhook } from "./measure-webhook.ts";
import { inconclusive, type MeasureDeps, type Result, type Subject } from "./measuring.ts";

/** It is kept in the rollout's row. */
const MOST_MESSAGE = 300;

/** `signal`: nobody wants to know any more. */
export async function measure(gate: Gate, subject: Subject, deps: MeasureDeps, signal: AbortSignal): Promise<Result> {
  const overdue = new AbortController();
  const timer = setTimeout(() => overdue.abort(), gate.timeoutMs);
  try {
    const { verdict, message } = await measureGate(gate, subject, deps, AbortSignal.any([signal, overdue.signal]));
    return { verdict, message: message.slice(0, MOST_MESSAGE) };
  } catch (error) {
    return inconclusive(describeError(error, MOST_MESSAGE));
  } finally {
    clearTimeout(timer);
  }
}

/** Each ends with the signal. */
async function measureGate(gate: Gate, subject: Subject, deps: MeasureDeps, signal: AbortSignal): Promise<Result> {
  switch (gate.type) {
    case "webhook": {
      return await measureWebhook(gate, subject, deps, signal);
    }
    case "check": {
      return await measureCheck(gate, deps, signal);
    }
    case "error_rate": {
      return await measureErrorRate(gate, subject, deps, signal);
    }
    default: {
      return assertNever(gate);
    }
  }
}
