/**
 * Making an application: its name first, then itself. Cut off in between, a retry goes on with the same id, and anybody
 * else may take the name when nothing has come of it.
 */
import type { ApplicationEntry, ApplicationKind, Reservation } from "../account/applications.ts";
import type { Grant } from "../account/ledger.ts";
import { GantryError } from "../errors.ts";
import type { NewConfiguration } from "../orchestrator/change.ts";
import type { ApplicationSpec } from "../orchestrator/storage/application-row.ts";
import type { ApplicationView } from "../orchestrator/views.ts";
import { accountStub, applicationStub } from "../stubs.ts";
import { invalid } from "./body.ts";
import { requireOwnHostnames, withHostnames } from "./hostnames.ts";
import { countsOf, withinQuota } from "./quota.ts";
import { withReferences } from "./references.ts";
import type { Call } from "./route.ts";
import { mayReach } from "./scopes.ts";

/** A create takes milliseconds; what stands half done after this was cut off. */
const ABANDONED_AFTER_MS = 30_000;

/** An application's id, or the name that a standalone deployment takes from its own. */
const IDENTITY = /^(?:deployment-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface Creation {
  readonly name: string;
  readonly kind: ApplicationKind;
  readonly spec: ApplicationSpec;
  readonly version: NewConfiguration;
  /** Where the configuration stands in the request's body. */
  readonly field: string;
}

export type Created =
  | { readonly isCreated: true; readonly view: ApplicationView }
  /** The name is another's. */
  | { readonly isCreated: false; readonly holder: ApplicationEntry };

export async function createApplication(call: Call<unknown, unknown>, creation: Creation): Promise<Created> {
  const { env, accountId, seed } = call;
  const { name, kind, spec, version, field } = creation;
  const target = { applicationId: seed, configuration: version.configuration, field, egress: spec.egress };
  requireOwnHostnames(call, spec.hostnames);
  return await withReferences(call, target, async (): Promise<Created> => {
    const { reserved, entry, conflict } = await reserve(call, name, kind, spec.namespaceId ?? null);
    if (!reserved && conflict === "namespace") throw namespaceTaken(entry);
    if (!reserved) return { isCreated: false, holder: entry };
    const application = applicationStub(env, seed);
    const known: ApplicationView | null = call.isRetry ? await application.view() : null;
    if (known !== null) return { isCreated: true, view: known };
    const input = { id: seed, accountId, name, kind, spec, ...version };
    const change = { ...countsOf(spec), configuration: version.configuration };
    const create = async (grant: Grant): Promise<ApplicationView> => await application.create(input, grant);
    const made = async () => await withinQuota(call, seed, change, create, { isNew: true });
    try {
      return { isCreated: true, view: await withHostnames(call, seed, { hostnames: spec.hostnames ?? [] }, made) };
    } catch (error) {
      // Nothing has come of it: its name is free again.
      if (GantryError.is(error) && error.code === "HOSTNAME_TAKEN")
        await accountStub(env, accountId).removeApplication(seed);
      throw error;
    }
  });
}

/** May the caller make an application of this name. */
export function requireReach({ actor }: Call<unknown, unknown>, name: string): void {
  if (IDENTITY.test(name)) {
    throw invalid({
      name: "must not be an id: requests that mean what has it would find this application, or miss it",
    });
  }
  if (mayReach(actor, { id: "", name })) return;
  const text = `this token is limited to other applications than ${name}`;
  throw new GantryError("FORBIDDEN", text, { applications: [...(actor.applications ?? [])] });
}

/** Reserves name and namespace. A holder that never came to be does not keep them. */
async function reserve(
  { env, accountId, seed }: Call<unknown, unknown>,
  name: string,
  kind: ApplicationKind,
  namespaceId: string | null,
): Promise<Reservation> {
  const account = accountStub(env, accountId);
  for (let attempt = 0; ; attempt += 1) {
    const reservation: Reservation = await account.reserveName(name, seed, kind, namespaceId);
    const { reserved, entry, ageMs } = reservation;
    // One holder may have the name, and another the namespace.
    if (reserved || attempt === 2 || ageMs < ABANDONED_AFTER_MS) return reservation;
    if (await applicationStub(env, entry.id).exists()) return reservation;
    await account.removeApplication(entry.id);
  }
}

function namespaceTaken({ id, name }: ApplicationEntry): GantryError {
  const text = `this Durable Object namespace belongs to the application ${name} (${id}): one namespace has one application`;
  return new GantryError("DURABLE_OBJECT_ALREADY_HAS_APPLICATION", text, { name, id });
}
