/** Images of configurations as they are admitted: what they stand for is found once, and kept with the version. */
import { describeError, GantryError } from "../errors.ts";
import type { StoredConfiguration } from "../orchestrator/configurations.ts";
import { imageBackend } from "../registry/images/backend.ts";
import { findImage, type ImageContext } from "../registry/images/find-image.ts";
import { formatPin, OWN_REGISTRY, parsePin } from "../registry/images/pin.ts";
import type { PreparationView } from "../registry/images/progress.ts";
import type { StoredManifest } from "../registry/store/contract.ts";
import { imagePreparationStub, registryStub } from "../stubs.ts";

/** With what its image stands for now. Throws by the field when that cannot be said, or is nothing. */
export async function pinImage<C extends StoredConfiguration>(
  context: ImageContext,
  configuration: C,
  field: string,
): Promise<C> {
  // Then only what is declared can be started, which `withReferences` sees to.
  if (imageBackend(context.env) === null) return configuration;
  const pinned = await pinOf(context, configuration.image, field);
  return pinned === null ? configuration : { ...configuration, pinned };
}

/** Null: the image is one that this Worker was deployed with, or `withReferences` refuses it. */
export async function pinOf(context: ImageContext, image: string, field: string): Promise<string | null> {
  if (imageBackend(context.env) === null) return null;
  const found = await findImage(context, image);
  if (found.kind === "refused") {
    throw new GantryError(found.code, `${field}: ${found.reason}`, { [field]: found.reason });
  }
  return found.kind === "pinned" ? formatPin(found.pin) : null;
}

/** What was found is still there: in Gantry's own registry it is in use from here on, elsewhere nobody can promise it. */
export async function requirePinned(
  { env, accountId }: Pick<ImageContext, "env" | "accountId">,
  pinned: string,
  field: string,
): Promise<void> {
  const pin = parsePin(pinned);
  if (pin?.domain !== OWN_REGISTRY) return;
  const found: StoredManifest | null = await registryStub(env, accountId).manifest(pin.repository, pin.digest);
  if (found !== null) return;
  const preparation: PreparationView | null = await imagePreparationStub(env, accountId, pinned).view();
  if (preparation?.state === "ready") return;
  const reason = `the image ${pin.repository}@${pin.digest} was deleted from the registry of this account: push it again`;
  throw new GantryError("IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE", `${field}: ${reason}`, { [field]: reason });
}

/** It is going to be started: what takes time begins now. */
export async function beginPreparation(env: Env, accountId: string, pinned: string): Promise<void> {
  try {
    await imagePreparationStub(env, accountId, pinned).begin({ accountId, pin: pinned });
  } catch (error) {
    // The launch begins it otherwise.
    console.warn({ message: "image.preparation.not_begun", pin: pinned, error: describeError(error) });
  }
}
