/**
 * From an image as a user writes it to what a revision pins. In order: a name that this Worker was deployed with; Gantry's
 * own registry; any other registry, asked for the digest. Of `proto://name:tag` each of its registries is asked in turn, and
 * what serves is what the pin says. Decided once, when a configuration is admitted: a launch looks nothing up by tag.
 */
import type { Protocol } from "../../account/registry-protocols.ts";
import { declaredImages } from "../../containers/catalog.ts";
import type { ErrorCode } from "../../errors.ts";
import { accountStub, registryStub } from "../../stubs.ts";
import { DOCKER_HUB, parseImageReference, type ImageReference } from "../oci/image-reference.ts";
import { ownerOf } from "../oci/names.ts";
import { OciError } from "../oci/oci-error.ts";
import { pulledManifest, type PullThroughCall, type PulledManifest } from "../pull-through/manifests.ts";
import { protocolOf, resolveImage, type ImageCatalog, type ImageResolution } from "../resolve-image.ts";
import type { StoredManifest } from "../store/contract.ts";
import { artifactTypeOf } from "./artifact.ts";
import { imageBackend } from "./backend.ts";
import { cloudflareAccess } from "./cloudflare.ts";
import { managedDigest, ownerOfCopies } from "./managed.ts";
import { isOwnHost } from "./own-host.ts";
import { OWN_REGISTRY, type Pin } from "./pin.ts";
import { upstreamDigest } from "./upstream.ts";

export interface ImageContext {
  readonly env: Env;
  readonly accountId: string;
  /** The request that it is written in. Absent: it came by a binding. */
  readonly request?: Pick<Request, "url">;
}

export type FoundImage =
  | { readonly kind: "declared"; readonly name: string }
  | { readonly kind: "pinned"; readonly pin: Pin }
  | Refusal;

export interface Refusal {
  readonly kind: "refused";
  readonly code: ErrorCode;
  readonly reason: string;
}

/** A protocol's registry that does not answer within this is passed over. */
const PASSED_OVER_AFTER_MS = 4_000;
const ASKED_FOR_MS = 15_000;

export async function findImage(context: ImageContext, image: string): Promise<FoundImage> {
  const { env, accountId } = context;
  const catalog = { declared: await declaredImages(env), managedDomain: env.MANAGED_REGISTRY, accountId };
  const proto = protocolOf(image);
  if (proto === null) return await findOne(context, image, catalog, ASKED_FOR_MS);
  const protocol: Protocol | null = await accountStub(env, accountId).protocol(proto);
  const whole = resolveImage(image, protocol?.domains ?? null, catalog);
  if (protocol === null || imageBackend(env) === null) return ofResolution(whole);
  const rest = image.slice(proto.length + "://".length);
  const refusals: Refusal[] = [];
  for (const { domain, path } of protocol.domains) {
    const candidate = [domain, path, rest].filter((part) => part !== "").join("/");
    const found = await findOne(context, candidate, catalog, PASSED_OVER_AFTER_MS);
    if (found.kind !== "refused") return found;
    refusals.push(found);
  }
  const isMissing = refusals.every(({ code }) => code === "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE");
  const code = isMissing ? "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE" : (firstOther(refusals) ?? "VALIDATE_INPUT");
  return { kind: "refused", code, reason: refusals.map(({ reason }) => reason).join("; ") };
}

function firstOther(refusals: readonly Refusal[]): ErrorCode | undefined {
  return refusals.find(({ code }) => code !== "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE")?.code;
}

async function findOne(
  context: ImageContext,
  image: string,
  catalog: ImageCatalog,
  timeoutMs: number,
): Promise<FoundImage> {
  const { env, accountId, request } = context;
  const declared = resolveImage(image, null, catalog);
  if (declared.found || declared.code === "VALIDATE_INPUT" || imageBackend(env) === null) return ofResolution(declared);
  const parsed = parseImageReference(image);
  if (!parsed.ok) return { kind: "refused", code: "VALIDATE_INPUT", reason: parsed.reason };
  const { reference } = parsed;
  const own = ownRepository(reference, accountId, { asked: request?.url, hosts: env.GANTRY_HOSTS });
  if (own !== null) {
    return own.accountId === accountId
      ? await findOwn(context, image, { ...reference, repository: own.repository })
      : refused("VALIDATE_INPUT", `${image} belongs to another account than ${accountId}`);
  }
  const { domain } = reference;
  const isManaged = domain === env.MANAGED_REGISTRY;
  // Into the engine of a developer's machine nothing of it is loaded: there the names of the configuration stand for it.
  if (isManaged && cloudflareAccess(env) === null) return ofResolution(declared);
  // It is asked as the operator, who may read everybody's: whose an image is, is seen here, however its domain was written.
  const { repository } = isManaged ? inManaged(reference, accountId) : reference;
  const owners = isManaged ? [ownerOf(repository).accountId, ownerOfCopies(repository) ?? accountId] : [];
  if (owners.some((owner) => owner !== accountId)) {
    return refused("VALIDATE_INPUT", `${image} belongs to another account than ${accountId}`);
  }
  const answer = isManaged
    ? await managedDigest(env, repository, reference.digest ?? reference.tag ?? "")
    : await upstreamDigest(env, accountId, reference, timeoutMs);
  if (!answer.ok) return refused(answer.code, answer.reason);
  return { kind: "pinned", pin: { domain, repository, digest: answer.digest } };
}

/** Whose account is not written is the account's. */
function inManaged({ repository }: ImageReference, accountId: string): { repository: string } {
  return { repository: ownerOf(repository).accountId === null ? `${accountId}/${repository}` : repository };
}

/** In Gantry's own registry. `<account>/<name>` without a host is in it too: nobody else calls anything so. */
function ownRepository(
  { domain, repository }: ImageReference,
  accountId: string,
  host: Parameters<typeof isOwnHost>[1],
): { accountId: string; repository: string } | null {
  const owner = ownerOf(repository);
  const isOwn = isOwnHost(domain, host) || (domain === DOCKER_HUB && owner.accountId !== null);
  return isOwn ? { accountId: owner.accountId ?? accountId, repository: owner.repository } : null;
}

async function findOwn({ env, accountId }: ImageContext, image: string, asked: ImageReference): Promise<FoundImage> {
  const { repository, tag, digest } = asked;
  const reference = digest ?? tag ?? "";
  const index = registryStub(env, accountId);
  const stored: StoredManifest | null = await index.manifest(repository, reference);
  const answer = await pulled({ env, accountId, repository, index }, reference, stored);
  if (typeof answer === "string") return refused("IMAGE_REGISTRY_RETURNED_ERROR", `${image}: ${answer}`);
  const { manifest: found } = answer;
  if (found !== null) {
    const artifact = await artifactTypeOf(found.bytes, found.mediaType);
    if (artifact !== null) return refused("VALIDATE_INPUT", `${image} is no image: it is of the type ${artifact}`);
    return { kind: "pinned", pin: { domain: OWN_REGISTRY, repository, digest: found.digest } };
  }
  const reason = `the registry of this account has no image ${image}: push it there, or see GET /images for what it has`;
  return refused("IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE", reason);
}

/** Below the prefix of a pull-through the other registry is asked. Text: it did not answer, and there is no copy. */
async function pulled(
  call: PullThroughCall,
  reference: string,
  stored: StoredManifest | null,
): Promise<PulledManifest | string> {
  try {
    return await pulledManifest(call, reference, stored);
  } catch (error) {
    if (error instanceof OciError) return error.message;
    throw error;
  }
}

function ofResolution(resolution: ImageResolution): FoundImage {
  return resolution.found ? { kind: "declared", name: resolution.name } : refused(resolution.code, resolution.reason);
}

function refused(code: ErrorCode, reason: string): Refusal {
  return { kind: "refused", code, reason };
}
