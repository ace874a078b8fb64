/**
 * Between a configuration and what it refers to. A write that stores or activates a configuration runs inside
 * `withReferences`: what it names is there and claimed before the write. What is deleted goes through `removeUnused`: it
 * asks every application that has ever claimed it, so that neither a race nor a crash leaves an application without its
 * secret, and no dead claim keeps anything for ever.
 */
import type { Removal } from "../account/secret-keeper.ts";
import type { Protocol } from "../account/registry-protocols.ts";
import type { User } from "../account/references.ts";
import { inBatches } from "../batches.ts";
import { declaredImages } from "../containers/catalog.ts";
import { GantryError } from "../errors.ts";
import { NO_POLICY, type EgressNow, type EgressPolicy } from "../egress/policy/policy.ts";
import type { StoredConfiguration } from "../orchestrator/configurations.ts";
import { canonical } from "../orchestrator/launch-spec.ts";
import { referencesOf, referencesOfEgress, type Reference } from "../orchestrator/references.ts";
import { protocolOf, resolveImage, type ImageResolution } from "../registry/resolve-image.ts";
import { accountStub, applicationStub } from "../stubs.ts";
import { invalid } from "./body.ts";
import { beginPreparation, requirePinned } from "./images.ts";
import type { Call } from "./route.ts";
import { mayReach } from "./scopes.ts";

type Context = Pick<Call<unknown, unknown>, "env" | "ctx" | "accountId" | "actor">;

/** `field`: where the configuration stands in the request's body; empty when it is the body. */
export interface ReferenceTarget {
  readonly applicationId: string;
  /** Absent: what is written is none. */
  readonly configuration?: StoredConfiguration;
  readonly field?: string;
  /** What its containers are to reach. */
  readonly egress?: EgressPolicy | null | undefined;
  /** Where that stands in the body. */
  readonly egressField?: "egress" | "";
  /** Nothing is going to be written: what is named must be there, and is not claimed. */
  readonly isDryRun?: boolean;
}

/** Throws before `write` when the image cannot be started, or a secret, key or protocol is not there. */
export async function withReferences<T>(
  context: Context,
  target: ReferenceTarget,
  write: () => Promise<T>,
): Promise<T> {
  const { env, ctx, accountId } = context;
  const {
    applicationId,
    configuration,
    field = "configuration",
    egress,
    egressField = "egress",
    isDryRun = false,
  } = target;
  const imageField = within(field, "image");
  const references = [
    ...(configuration === undefined ? [] : referencesOf(configuration)).map((one) => ({
      ...one,
      field: within(field, one.field),
    })),
    ...referencesOfEgress(egress).map((one) => ({ ...one, field: within(egressField, one.field) })),
  ];
  if (egress != null) await requireOwnEgress(context, applicationId, egress, egressField);
  if (references.length === 0) {
    if (configuration !== undefined) await requireImage(context, configuration, imageField);
    return begun(context, target, await write());
  }
  await requireOwnSecrets(context, applicationId, references);
  const account = accountStub(env, accountId);
  const id = crypto.randomUUID();
  const claimed = references.map(({ kind, name }) => ({ kind, name }));
  const missing: Reference[] = isDryRun
    ? await account.missingReferences(claimed)
    : await account.claimReferences({ id, application: applicationId, references: claimed });
  if (missing.length > 0) throw missingError(references, missing, imageField);
  try {
    if (configuration !== undefined) await requireImage(context, configuration, imageField);
    return begun(context, target, await write());
  } finally {
    // A claim that is not settled lapses by itself.
    if (!isDryRun) ctx.waitUntil(account.settleClaim(id));
  }
}

export async function imageResolution(
  { env, accountId }: Pick<Context, "env" | "accountId">,
  image: string,
): Promise<ImageResolution> {
  const proto = protocolOf(image);
  const protocol: Protocol | null = proto === null ? null : await accountStub(env, accountId).protocol(proto);
  return resolveImage(image, protocol?.domains ?? null, {
    declared: await declaredImages(env),
    managedDomain: env.MANAGED_REGISTRY,
    accountId,
  });
}

/** A token that is limited to applications does not get at secrets by naming them: only those that are theirs already. */
async function requireOwnSecrets(
  { env, actor }: Pick<Context, "env" | "actor">,
  applicationId: string,
  references: ReturnType<typeof referencesOf>,
): Promise<void> {
  if (actor.applications === null) return;
  for (const { kind, name, field } of references) {
    if (kind !== "secret") continue;
    const users: string[] = await applicationStub(env, applicationId).uses({ kind, name });
    if (users.length > 0) continue;
    const reason = `secret ${name} is not this application's yet: a token that is limited to applications cannot give it one`;
    throw new GantryError("FORBIDDEN", reason, { [field]: reason });
  }
}

/** Nor does it let its containers at other applications, bindings of the control plane, or images, beyond what they have. */
async function requireOwnEgress(
  { env, actor }: Pick<Context, "env" | "actor">,
  applicationId: string,
  { internal, bindings, handlers, credentials, registry = [] }: EgressPolicy,
  at: "egress" | "",
): Promise<void> {
  const optional = credentials.flatMap((one, index) => (one.optional === true ? [[one.secret, index] as const] : []));
  const grants = internal.length + bindings.length + handlers.length + registry.length + optional.length;
  if (actor.applications === null || grants === 0) return;
  const { policy }: EgressNow = await applicationStub(env, applicationId).egressNow();
  const known = policy ?? NO_POLICY;
  const reason = "is not this application's yet: a token that is limited to applications cannot give it that";
  const named = known.credentials.map(({ secret }) => secret);
  const refused = [
    // Others are claimed, and asked about before.
    ...optional.map(([secret, index]) => [`credentials[${index}].secret`, !named.includes(secret)] as const),
    ...internal.map((name, index) => {
      const isReached = name !== "*" && mayReach(actor, { id: "", name });
      return [`internal[${index}]`, !isReached && isNew(known.internal, name)] as const;
    }),
    ...bindings.map((grant, index) => [`bindings[${index}]`, isNew(known.bindings, grant)] as const),
    ...handlers.map((handler, index) => [`handlers[${index}]`, isNew(known.handlers, handler)] as const),
    ...registry.map((pattern, index) => [`registry[${index}]`, isNew(known.registry ?? [], pattern)] as const),
  ].flatMap(([field, isRefused]) => (isRefused ? [[within(at, field), reason] as const] : []));
  const [first] = refused;
  if (first !== undefined) throw new GantryError("FORBIDDEN", `${first[0]} ${reason}`, Object.fromEntries(refused));
}

function isNew(list: readonly unknown[], one: unknown): boolean {
  return !list.some((other) => canonical(other) === canonical(one));
}

function within(at: string, field: string): string {
  return at === "" ? field : `${at}.${field}`;
}

/** What has been written will be started: its image is on its way from here on. */
function begun<T>({ env, ctx, accountId }: Context, { configuration, isDryRun }: ReferenceTarget, written: T): T {
  const { pinned } = configuration ?? {};
  if (pinned !== undefined && isDryRun !== true) ctx.waitUntil(beginPreparation(env, accountId, pinned));
  return written;
}

async function requireImage(
  context: Pick<Context, "env" | "accountId">,
  { image, pinned }: StoredConfiguration,
  field: string,
): Promise<void> {
  if (pinned !== undefined) return await requirePinned(context, pinned, field);
  const resolution = await imageResolution(context, image);
  if (resolution.found) return;
  throw new GantryError(resolution.code, `${field}: ${resolution.reason}`, { [field]: resolution.reason });
}

function missingError(
  references: ReturnType<typeof referencesOf>,
  missing: readonly Reference[],
  imageField: string,
): GantryError {
  const isMissing = (kind: string, name: string) => missing.some((other) => other.kind === kind && other.name === name);
  const protocol = missing.find(({ kind }) => kind === "protocol");
  if (protocol !== undefined) {
    const reason = `there is no registry protocol ${protocol.name}: create it with POST /registries/protos`;
    return new GantryError("IMAGE_REGISTRY_PROTOCOL_NOT_FOUND", reason, { [imageField]: reason });
  }
  const details = references
    .filter(({ kind, name }) => isMissing(kind, name))
    .map(({ kind, name, field }) => [
      field,
      kind === "secret"
        ? `there is no secret ${name}: create it with POST /secrets first`
        : `there is no SSH public key ${name}: create it with POST /ssh-public-keys first`,
    ]);
  return invalid(Object.fromEntries(details));
}

/** Somebody else's claim may come between asking and removing this often in a row. */
const MAX_TRIES = 4;

/**
 * Removes what nobody uses. `remove` is told who was asked, and removes only when nobody has claimed it since. `holders`
 * are users that are no applications.
 */
export async function removeUnused(
  { env, accountId }: Pick<Context, "env" | "accountId">,
  reference: Reference,
  remove: (asked: User[]) => Promise<Removal>,
  refuse: (users: string[]) => GantryError,
  holders: () => Promise<string[]> = async () => [],
): Promise<"removed" | "missing"> {
  const account = accountStub(env, accountId);
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const asked: User[] = await account.usersOf(reference);
    const found = [...(await holders()), ...(await usesOf(env, asked, reference))];
    if (found.length > 0) throw refuse(found);
    const removal: Removal = await remove(asked);
    if (removal !== "changed") return removal;
  }
  throw refuse(["writes that are under way"]);
}

/** Of those whom the account knows to have claimed it, in words for people. */
export async function usesOf(env: Env, users: readonly User[], reference: Reference): Promise<string[]> {
  const uses = await inBatches(users, async ({ application, name, isPending }): Promise<string[]> => {
    if (isPending) return [`${name ?? application} (a write is under way)`];
    // An id that the account does not know would make an object.
    return name === null ? [] : await applicationStub(env, application).uses(reference);
  });
  return uses.flat();
}
