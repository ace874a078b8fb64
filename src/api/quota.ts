/**
 * The account's limits and defaults, for handlers whose writes change how much an application may run.
 *
 * - `admitConfiguration` makes a configuration of a request complete (size, network) and refuses one that no instance
 *   may have. Call it for every configuration that is going to be stored.
 * - `withinQuota` runs a write within a grant of the ledger. Call it for every write that may change the number of
 *   instances or the active version; a write that only stores a version needs none.
 * - Nothing is to be called on delete: `removeApplication` of the account gives everything back.
 */
import type { Ask, Usage } from "../account/amounts.ts";
import type { Grant, Verdict } from "../account/ledger.ts";
import { locationSizeRefusal, sizeRefusal } from "../account/quota-refusals.ts";
import type { Settings } from "../account/limits.ts";
import { ANYWHERE } from "../account/locations.ts";
import { describeError, GantryError } from "../errors.ts";
import type { StoredConfiguration } from "../orchestrator/configurations.ts";
import { sizeOf } from "../orchestrator/launch-spec.ts";
import { networkOf } from "../orchestrator/network.ts";
import { usageOf } from "../orchestrator/usage.ts";
import type { ApplicationKind, ApplicationSpec } from "../orchestrator/storage/application-row.ts";
import type { ApplicationView } from "../orchestrator/views.ts";
import { accountStub, applicationStub } from "../stubs.ts";
import { invalid } from "./body.ts";
import { networkIssues } from "./schemas/network.ts";

interface Target {
  readonly env: Env;
  readonly accountId: string;
}

/** What a write sets of an application; what is left out stays as it is. */
export interface QuotaChange {
  /** Of the pool. */
  readonly instances?: number;
  /** The most that its load may make of the pool; null: it does not follow its load. */
  readonly scaledTo?: number | null;
  /** That may be called by name at a time: room is kept for them whether they are called or not. */
  readonly named?: number;
  /** That may run attempts of jobs at a time, likewise. */
  readonly jobs?: number;
  /** Kept started beyond what is needed. */
  readonly warm?: number;
  /** The configuration that is active after the write, as `admitConfiguration` gave it, with its location. */
  readonly configuration?: StoredConfiguration;
  /** Code of a location; null for anywhere. */
  readonly location?: string | null;
}

/** Someone else's write may come between ours and its grant this often in a row. */
const MAX_TRIES = 5;

/**
 * The configuration as it is to be stored. A size that is not given is the account's default of now, so that a later
 * change of the defaults changes nothing that exists; a network mode that is not given is the one of its kind.
 */
export async function admitConfiguration<C extends StoredConfiguration>(
  { env, accountId }: Target,
  configuration: C,
  kind: ApplicationKind,
  location: string | null = configuration.location ?? null,
): Promise<C> {
  const settings: Settings = await accountStub(env, accountId).settings();
  const complete = withNetwork(withSize(configuration, settings), kind);
  throwIfRefused(sizeRefusal(sizeOf(complete), settings.limits));
  if (location !== null) throwIfRefused(locationSizeRefusal(settings.locations, location, sizeOf(complete)));
  return complete;
}

function withSize<C extends StoredConfiguration>(configuration: C, { defaults }: Settings): C {
  if (configuration.instance_type !== undefined) return configuration;
  return {
    ...configuration,
    vcpu: configuration.vcpu ?? defaults.vcpus,
    memory_mib: configuration.memory_mib ?? defaults.memoryMib,
    disk: configuration.disk ?? { size_mb: defaults.diskMb },
  };
}

function withNetwork<C extends StoredConfiguration>(configuration: C, kind: ApplicationKind): C {
  if (configuration.network === undefined && kind === "application") return configuration;
  const mode = configuration.network?.mode ?? (kind === "deployment" ? "public" : "private");
  const complete = { ...configuration, network: { ...configuration.network, mode } };
  const issues = networkIssues(complete).map(({ path, message }) => [`configuration.${path.join(".")}`, message]);
  if (issues.length > 0) throw invalid(Object.fromEntries(issues));
  return complete;
}

/**
 * Reserves what the application comes to with `change`, then writes, then settles the ledger with what it came to.
 * `write` hands the grant to the application's method (`create`, `patch`, `activate` …), which refuses to come to more.
 * With `isNew` the application's name is reserved and it does not exist; it is given up again when it is refused.
 */
export async function withinQuota<T extends object>(
  { env, accountId }: Target,
  applicationId: string,
  change: QuotaChange,
  write: (grant: Grant) => Promise<T>,
  { isNew = false }: { readonly isNew?: boolean } = {},
): Promise<T> {
  const account = accountStub(env, accountId);
  for (let attempt = 1; ; attempt += 1) {
    const current: Usage | null = isNew ? null : await applicationStub(env, applicationId).usage();
    if (current === null && !isNew) {
      throw new GantryError("APPLICATION_NOT_FOUND", "application not found", { application: applicationId });
    }
    const intent = crypto.randomUUID();
    const verdict: Verdict = await account.reserve(applicationId, askOf(current, change), intent);
    if (verdict.outcome === "refused") {
      if (isNew) await account.removeApplication(applicationId);
      throwIfRefused(verdict);
      continue;
    }
    let result: T;
    try {
      result = await write(verdict.grant);
    } catch (error) {
      // What is not a refusal of ours may have been done: the ledger keeps the intent until it has asked.
      if (!GantryError.is(error)) throw error;
      await account.withdraw(applicationId, intent);
      if (error.code === "WRITE_CONFLICT" && attempt < MAX_TRIES) continue;
      throw error;
    }
    await settle(env, accountId, applicationId, result, verdict.grant, verdict.settled);
    return result;
  }
}

/** For a dry run: refused as the write would be, and nothing is reserved. */
export async function requireWithinQuota(
  { env, accountId }: Target,
  applicationId: string,
  change: QuotaChange,
  { isNew = false }: { readonly isNew?: boolean } = {},
): Promise<void> {
  const current: Usage | null = isNew ? null : await applicationStub(env, applicationId).usage();
  throwIfRefused(await accountStub(env, accountId).examine(applicationId, askOf(current, change)));
}

/** The write is done: a ledger that does not hear of it now asks later. */
async function settle(
  env: Env,
  accountId: string,
  applicationId: string,
  result: object,
  grant: Grant,
  isSettled: boolean,
): Promise<void> {
  try {
    // What was started in a size of its own is in no view.
    const usage: Usage | null =
      isView(result) && (result.row.spec.namedInstances ?? 0) + (result.row.spec.jobInstances ?? 0) === 0
        ? usageOf(result.row, result.configuration)
        : await applicationStub(env, applicationId).usage();
    // Null: deleted meanwhile, and given back with that.
    if (usage === null || (isSettled && isCovered(grant, usage))) return;
    await accountStub(env, accountId).settle(applicationId, usage, grant.intent);
  } catch (error) {
    console.warn({ message: "ledger.settle.failed", application: applicationId, error: describeError(error) });
  }
}

function isView(result: object): result is ApplicationView {
  return "row" in result && "configuration" in result;
}

/** A new application that came to just what was reserved for it. */
function isCovered({ amounts, location }: Grant, usage: Usage): boolean {
  return usage.location === location && usage.instances === amounts.instances && usage.generation <= 1;
}

/** What a whole specification comes to, but for its configuration. */
export function countsOf(spec: ApplicationSpec): QuotaChange {
  const { instances, autoscaling, namedInstances: named = 0, warm = 0, jobInstances: jobs = 0 } = spec;
  return { instances, scaledTo: autoscaling?.max ?? null, named, warm, jobs };
}

function askOf(current: Usage | null, { instances, scaledTo, configuration, location, ...change }: QuotaChange): Ask {
  const before = (current?.instances ?? 0) - (current?.named ?? 0) - (current?.warm ?? 0) - (current?.jobs ?? 0);
  const { named = current?.named ?? 0, warm = current?.warm ?? 0, jobs = current?.jobs ?? 0 } = change;
  const counted = current?.isScaled === true && scaledTo === undefined ? before : (instances ?? before);
  return {
    instances: (scaledTo ?? counted) + warm + named + jobs,
    size: configuration === undefined ? (current?.size ?? NO_SIZE) : sizeOf(configuration),
    ...(current?.beyond === undefined ? {} : { beyond: current.beyond }),
    ipv4s: configuration === undefined ? (current?.ipv4s ?? 0) : networkOf(configuration).ipv4 === "none" ? 0 : 1,
    location: (location === undefined ? (configuration?.location ?? current?.location) : location) ?? ANYWHERE,
  };
}

const NO_SIZE = { vcpu: 0, memoryMib: 0, diskMb: 0 };

function throwIfRefused(verdict: Verdict | null): void {
  if (verdict?.outcome === "refused") throw new GantryError(verdict.code, verdict.message, { ...verdict.details });
}
