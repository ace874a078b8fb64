/**
 * Garbage of the account's registry on demand: manifests that no tag leads to, when that is asked for and no application
 * uses them, and then what nothing names any more.
 */
import type { User } from "../account/references.ts";
import type { GarbageReport, Page, UntaggedManifest } from "../registry/store/contract.ts";
import { accountStub, registryStub } from "../stubs.ts";
import { imageName, imageUses, type ImageContext } from "./image-use.ts";

export interface GarbageAsk {
  readonly isDryRun: boolean;
  readonly untagged: boolean;
  /** Null: all. */
  readonly repository: string | null;
}

export interface Kept {
  readonly image: string;
  readonly users: readonly string[];
}

export interface ImageGarbage extends GarbageReport {
  readonly manifests: number;
  readonly manifestBytes: number;
  readonly kept: readonly Kept[];
  /** False: there is more than one request removes. */
  readonly isComplete: boolean;
}

/** Each is a call of its own. */
const MOST_REMOVED = 400;
const PAGE = 100;
const MAX_TOLD = 100;

interface Manifests {
  readonly removed: readonly UntaggedManifest[];
  readonly kept: readonly Kept[];
  readonly isComplete: boolean;
}

const NONE: Manifests = { removed: [], kept: [], isComplete: true };

export async function collectImages(context: ImageContext, ask: GarbageAsk): Promise<ImageGarbage> {
  const { isDryRun, repository } = ask;
  const manifests = ask.untagged ? await untaggedOf(context, ask) : NONE;
  const report: GarbageReport = await registryStub(context.env, context.accountId).collectGarbage({
    isDryRun,
    ...(repository === null ? {} : { repository }),
  });
  const { removed, kept, isComplete } = manifests;
  const examples = [...removed.map(({ repository: of, digest }) => imageName(of, digest)), ...report.examples];
  return {
    ...report,
    examples: examples.slice(0, MAX_TOLD),
    manifests: removed.length,
    manifestBytes: removed.reduce((sum, { size }) => sum + size, 0),
    kept: kept.slice(0, MAX_TOLD),
    isComplete,
  };
}

/** What is kept keeps what it leads to, so that a round may make the next one possible. */
async function untaggedOf(context: ImageContext, { isDryRun, repository }: GarbageAsk): Promise<Manifests> {
  const removed = new Map<string, UntaggedManifest>();
  for (;;) {
    const listed = await allUntagged(context, repository);
    const uses = await imageUses(context, listed.map(nameOf));
    const kept = [...uses].flatMap(([image, { users }]) => (users.length === 0 ? [] : [{ image, users }]));
    const isKept = (one: UntaggedManifest) => (uses.get(nameOf(one))?.users.length ?? 0) > 0;
    if (isDryRun) return { removed: removable(listed, isKept), kept, isComplete: true };
    const before = removed.size;
    for (const one of listed) {
      if (isKept(one) || one.ledBy.length > 0) continue;
      if (removed.size === MOST_REMOVED) return { removed: [...removed.values()], kept, isComplete: false };
      if (await remove(context, one, uses.get(nameOf(one))?.claimed ?? [])) removed.set(nameOf(one), one);
    }
    if (removed.size === before) return { removed: [...removed.values()], kept, isComplete: true };
  }
}

async function allUntagged(context: ImageContext, repository: string | null): Promise<UntaggedManifest[]> {
  const index = registryStub(context.env, context.accountId);
  const all: UntaggedManifest[] = [];
  let last: string | null = null;
  do {
    const page: Page<UntaggedManifest> = await index.untagged(repository, { limit: PAGE, last });
    all.push(...page.items);
    last = page.next;
  } while (last !== null);
  return all;
}

/** As the rounds would go: nothing goes before everything that leads to it. */
function removable(
  listed: readonly UntaggedManifest[],
  isKept: (one: UntaggedManifest) => boolean,
): UntaggedManifest[] {
  const staying = new Set(listed.filter(isKept).map(nameOf));
  for (let size = -1; size !== staying.size;) {
    size = staying.size;
    for (const one of listed) {
      if (one.ledBy.some((digest) => staying.has(imageName(one.repository, digest)))) staying.add(nameOf(one));
    }
  }
  return listed.filter((one) => !staying.has(nameOf(one)));
}

/** `asked`: those that have said they use it no more. False: somebody has begun to, or it was tagged. */
async function remove(
  { env, accountId }: ImageContext,
  one: UntaggedManifest,
  asked: readonly User[],
): Promise<boolean> {
  const account = accountStub(env, accountId);
  const released: string[] = await account.releaseImages([{ name: nameOf(one), users: asked }]);
  if (released.length === 0) return false;
  try {
    return await registryStub(env, accountId).removeUntagged(one.repository, one.digest);
  } finally {
    await account.imagesGone(released);
  }
}

function nameOf({ repository, digest }: UntaggedManifest): string {
  return imageName(repository, digest);
}
