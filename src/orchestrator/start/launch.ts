/** The order of a placement that was started with a choice: its version's, with the choice in place of what it names. */
import type { Database } from "../../database.ts";
import { toHex } from "../../encoding.ts";
import { GantryError } from "../../errors.ts";
import type { StoredConfiguration } from "../configurations.ts";
import { toLaunchSpec } from "../launch-spec.ts";
import type { Deployment } from "../plan/deployment.ts";
import type { LaunchOrder } from "../scheduler-deps.ts";
import { withChoice } from "./choice.ts";
import { keptChoice, openChoice } from "./kept.ts";
import { requireSnapshot } from "./snapshots.ts";

export interface Launch {
  readonly configuration: StoredConfiguration;
  readonly order: LaunchOrder;
}

/** Throws what refuses the launch: a choice that no key opens, a snapshot that is gone. */
export async function chosenLaunch(
  db: Database,
  keys: readonly string[],
  { configuration, order }: Launch,
  deployment: Deployment | undefined,
): Promise<Launch> {
  const { override } = deployment ?? {};
  if (deployment === undefined || override === undefined) return { configuration, order };
  const kept = keptChoice(db, deployment.id);
  if (kept?.id !== override.id) {
    throw new GantryError(
      "SECRET_UNREADABLE",
      "what this instance was started with is not there: destroy the instance",
    );
  }
  const choice = await openChoice(keys, order.applicationId, kept);
  const chosen = withChoice(configuration, choice);
  const { snapshot: name } = choice;
  const snapshot = name === undefined ? undefined : requireSnapshot(order.applicationName, deployment, name);
  return {
    configuration: chosen,
    order: {
      ...order,
      revision: await revisionWith(order.revision, override.id),
      spec: toLaunchSpec(chosen),
      ...(snapshot === undefined ? {} : { snapshotId: snapshot.id }),
    },
  };
}

/** By the choice's id: a digest of its values would tell them to whoever can guess. */
async function revisionWith(revision: string, id: string): Promise<string> {
  return toHex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${revision} ${id}`)));
}
