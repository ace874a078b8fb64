/**
 * Images of the account's registry that applications use, and how others are removed. Their bytes are known to one object
 * and their users to another: a removal asks the users, lets nobody claim the image meanwhile, and then deletes it.
 */
import type { User } from "../account/references.ts";
import type { Removal } from "../account/secret-keeper.ts";
import { inBatches } from "../batches.ts";
import { GantryError } from "../errors.ts";
import type { Digest } from "../registry/oci/digest.ts";
import { accountStub, registryStub } from "../stubs.ts";
import { removeUnused, usesOf } from "./references.ts";

export interface ImageContext {
  readonly env: Env;
  readonly accountId: string;
}

export function imageName(repository: string, digest: string): string {
  return `${repository}@${digest}`;
}

export interface Use {
  /** Who has claimed it, as far as they were asked. */
  readonly claimed: readonly User[];
  /** Who uses it, in words for people. */
  readonly users: readonly string[];
}

/** Of each of these `<repository>@<digest>`. */
export async function imageUses(
  { env, accountId }: ImageContext,
  names: readonly string[],
): Promise<ReadonlyMap<string, Use>> {
  if (names.length === 0) return new Map();
  const references = [...new Set(names)].map((name) => ({ kind: "image" as const, name }));
  const claims: User[][] = await accountStub(env, accountId).usersOfAll(references);
  const asked = references.map((reference, index) => ({ reference, claimed: claims[index] ?? [] }));
  const uses = await inBatches(asked, async ({ reference, claimed }) => {
    const users = claimed.length === 0 ? [] : await usesOf(env, claimed, reference);
    return [reference.name, { claimed, users }] as const;
  });
  return new Map(uses);
}

/** Throws `IMAGE_IN_USE` when an application uses it, or an index that names it. */
export async function removeImage(
  context: ImageContext,
  repository: string,
  digest: Digest,
  isForced: boolean,
): Promise<"removed" | "missing"> {
  const { env, accountId } = context;
  const index = registryStub(env, accountId);
  const name = imageName(repository, digest);
  const remove = async () => ((await index.deleteManifest(repository, digest)) ? "removed" : "missing");
  if (isForced) return await remove();
  const account = accountStub(env, accountId);
  let leading: ReadonlyMap<string, Use> = new Map();
  return await removeUnused(
    context,
    { kind: "image", name },
    async (users): Promise<Removal> => {
      const asked = [{ name, users }, ...[...leading].map(([of, { claimed }]) => ({ name: of, users: claimed }))];
      const released: string[] = await account.releaseImages(asked);
      try {
        return released.length === asked.length ? await remove() : "changed";
      } finally {
        await account.imagesGone(released);
      }
    },
    (users) => inUse(name, users),
    async () => {
      leading = await usesOfLeading(context, repository, digest);
      return [...leading.values()].flatMap(({ users: holders }) => holders);
    },
  );
}

export function inUse(name: string, users: readonly string[]): GantryError {
  const text = `${name} is in use: bring its users to another image first, or say force=true; users: ${users.join("; ")}`;
  return new GantryError("IMAGE_IN_USE", text, { image: name, users: [...users] });
}

/** One platform's manifest of an image is used by whoever uses its index: each of these with those who use it. */
async function usesOfLeading(
  context: ImageContext,
  repository: string,
  digest: Digest,
): Promise<ReadonlyMap<string, Use>> {
  const leading: Digest[] = await registryStub(context.env, context.accountId).leading(repository, digest);
  return await imageUses(context, leading.map((one) => imageName(repository, one))); // prettier-ignore
}
