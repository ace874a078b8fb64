/** Which shard has what a caller names. */
import { shardStub } from "../../stubs.ts";
import type { ApplicationCore } from "../application-core.ts";
import { shardOfKey } from "./sharding.ts";

/** Null when none has; 0 is this object, which is asked for what nobody else has. */
export async function ownerOf(env: Env, core: ApplicationCore, key: string): Promise<number | null> {
  if (!core.shards.isSpread || core.find(key) !== undefined) return 0;
  const row = core.mustRow();
  const said = shardOfKey(key, row);
  if (said !== null) return said;
  const found = await core.shards.askAll(async (k) => ((await shardStub(env, row.id, k).has(key)) ? k : null));
  return found.find((owner) => owner !== null) ?? null;
}
