/** Asks the objects of an account for their samples: a bounded fan-out, in which one that does not answer is said so. */
import type { ApplicationEntry } from "../account/applications.ts";
import { describeError } from "../errors.ts";
import { accountStub, applicationStub, instanceStub } from "../stubs.ts";
import type { AccountSample } from "./account-sample.ts";
import type { ApplicationSample, ObjectCosts } from "./application-sample.ts";
import { metricsText, type Scraped } from "./families.ts";
import { withTimeout } from "../with-timeout.ts";

/** The platform gives a Worker six simultaneous outgoing connections. */
const MAX_IN_FLIGHT = 6;
/** Prometheus gives a whole scrape ten seconds. */
const ANSWER_TIMEOUT_MS = 5_000;

export interface MetricsRequest {
  readonly env: Env;
  readonly accountId: string;
  readonly applications: readonly ApplicationEntry[];
  /** Counters of the account as a whole. */
  readonly withAccount: boolean;
  /** Asks each instance's object too: one more call each. */
  readonly withInstances: boolean;
}

export async function collectMetrics(request: MetricsRequest): Promise<string> {
  const { env, accountId, applications, withAccount } = request;
  const account: Promise<AccountSample> | null = withAccount ? accountStub(env, accountId).metrics() : null;
  const scraped = await inParallel(applications, MAX_IN_FLIGHT, (entry) => scrape(entry, request));
  // An application that is being deleted is no longer one.
  return metricsText(
    scraped.filter((one) => one !== null),
    await account,
  );
}

async function scrape(entry: ApplicationEntry, { env, withInstances }: MetricsRequest): Promise<Scraped | null> {
  const { id, name, kind } = entry;
  const instanceCosts = new Map<string, ObjectCosts>();
  try {
    const sample: ApplicationSample | null = await withTimeout(applicationStub(env, id).metrics(), ANSWER_TIMEOUT_MS);
    if (sample === null) return null;
    for (const { deployment } of withInstances ? sample.instances : []) {
      instanceCosts.set(deployment, await withTimeout(instanceStub(env, deployment).billing(), ANSWER_TIMEOUT_MS));
    }
    return { id, name, kind, sample, instanceCosts };
  } catch (error) {
    console.warn({ message: "metrics.application.failed", application: name, error: describeError(error) });
    return { id, name, kind, sample: null, instanceCosts };
  }
}

async function inParallel<T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results = Array.from<R>({ length: items.length });
  const queue = items.entries();
  const lane = async () => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: limit }, lane));
  return results;
}
