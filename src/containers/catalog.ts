/**
 * The images that this Worker was deployed with. Only an object with a container can see them, so one Instance object
 * that never starts anything is asked, once per isolate: they change only with a new deployment of the Worker.
 */
import { instanceStub } from "../stubs.ts";

const CATALOG_OBJECT = "catalog";

let known: ReadonlyMap<string, string> | undefined;

/** Names, in order. */
export async function declaredImages(env: Env): Promise<readonly string[]> {
  return [...(await declaredReferences(env)).keys()];
}

/** What each name stands for: with a digest where the image was pushed to a registry. */
export async function declaredReferences(env: Env): Promise<ReadonlyMap<string, string>> {
  if (known !== undefined) return known;
  const images: Record<string, string> = await instanceStub(env, CATALOG_OBJECT).declaredImages();
  known = new Map(Object.entries(images).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return known;
}
