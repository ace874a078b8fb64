/**
 * The images that this Worker was deployed with. Only an object with a container can see them, so one Instance object
 * that never starts anything is asked, once per isolate: they change only with a new deployment of the Worker.
 */
import { instanceStub } from "../stubs.ts";

const CATALOG_OBJECT = "catalog";

let known: readonly string[] | undefined;

export async function declaredImages(env: Env): Promise<readonly string[]> {
  known ??= (await instanceStub(env, CATALOG_OBJECT).declaredImages()).toSorted();
  return known;
}
