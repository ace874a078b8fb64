/**
 * What a launch order gets of the account, beside its version's launch spec: values of secrets, SSH keys, and the name
 * under which this Worker was deployed with the image. The order is sent and kept nowhere.
 */
import type { Material } from "../../account/launch-material.ts";
import { declaredImages } from "../../containers/catalog.ts";
import { GantryError } from "../../errors.ts";
import { protocolOf, resolveImage } from "../../registry/resolve-image.ts";
import { accountStub } from "../../stubs.ts";
import type { LaunchSpec } from "../launch-spec.ts";
import type { LaunchOrder } from "../scheduler-deps.ts";

const AUTHORIZED_KEYS = "GANTRY_AUTHORIZED_KEYS";
const TRUSTED_USER_CA_KEYS = "GANTRY_TRUSTED_USER_CA_KEYS";

export async function prepareReferences(env: Env, accountId: string, order: LaunchOrder): Promise<LaunchOrder> {
  const { spec } = order;
  const material = await materialOf(env, accountId, spec);
  const image = await imageOf(env, accountId, spec.image, material);
  const added = environmentOf(spec, material);
  if (image === spec.image && added.length === 0) return order;
  return { ...order, spec: { ...spec, image, env: { ...spec.env, ...Object.fromEntries(added) } } };
}

/** One call to the account, and none when nothing is referred to. */
async function materialOf(env: Env, accountId: string, spec: LaunchSpec): Promise<Material> {
  const protocol = protocolOf(spec.image);
  const { secrets = [], sshPublicKeyIds = [] } = spec;
  if (protocol === null && secrets.length === 0 && sshPublicKeyIds.length === 0) {
    return { secrets: {}, keyLines: [], sources: null };
  }
  return await accountStub(env, accountId).launchMaterial({
    secrets: secrets.map(({ secret }) => secret),
    sshKeyIds: sshPublicKeyIds,
    protocol,
  });
}

async function imageOf(env: Env, accountId: string, image: string, { sources }: Material): Promise<string> {
  if (protocolOf(image) === null && !image.startsWith(`${env.MANAGED_REGISTRY}/`)) return image;
  const resolution = resolveImage(image, sources, {
    declared: await declaredImages(env),
    managedDomain: env.MANAGED_REGISTRY,
    accountId,
  });
  if (resolution.found) return resolution.name;
  throw new GantryError(resolution.code, resolution.reason, { image });
}

function environmentOf(spec: LaunchSpec, material: Material): (readonly [string, string])[] {
  const { secrets = [], authorizedKeys = [], trustedUserCaKeys = [] } = spec;
  const keys = [...material.keyLines, ...authorizedKeys];
  return [
    ...secrets.map(({ name, secret }) => [name, valueOf(material, secret)] as const),
    ...(keys.length === 0 ? [] : [[AUTHORIZED_KEYS, keys.join("\n")] as const]),
    ...(trustedUserCaKeys.length === 0 ? [] : [[TRUSTED_USER_CA_KEYS, trustedUserCaKeys.join("\n")] as const]),
  ];
}

function valueOf({ secrets }: Material, name: string): string {
  const value = secrets[name];
  if (value === undefined) throw new Error(`the account gave no value of secret ${name}`);
  return value;
}
