/** What a request says about places, held against what the account has. */
import { impossible, isConstrained } from "../orchestrator/placement/location.ts";
import { constraintsIn } from "../orchestrator/placement/desired-place.ts";
import type { ApplicationSpec } from "../orchestrator/storage/application-row.ts";
import type { Settings } from "../account/limits.ts";
import { GantryError } from "../errors.ts";
import { accountStub } from "../stubs.ts";
import { invalid } from "./body.ts";
import { findNamed } from "./handlers/lookup.ts";
import type { Call } from "./route.ts";

type Wishes = Pick<ApplicationSpec, "constraints" | "colocation">;

/** Refuses what can never be met, however the account's locations are switched. */
export async function requirePossible(call: Call<unknown, unknown>, wishes: Wishes): Promise<void> {
  const { colocation } = wishes;
  if (colocation != null && colocation !== "datacenter") await requireCompanion(call, colocation.application);
  const constraints = constraintsIn({ constraints: wishes.constraints ?? null });
  if (!isConstrained(constraints)) return;
  const { locations }: Settings = await accountStub(call.env, call.accountId).settings();
  const name = impossible(locations, constraints);
  if (name === null) return;
  const has = locations.map(({ code, region, city, pop }) => [code, region, city, pop].filter(Boolean).join(" "));
  const reason = `no location of the account can meet it together with the others; it has ${has.join(", ")}`;
  throw new GantryError("LOCATION_NOT_ALLOWED", `constraints.${name}: ${reason}`, { [`constraints.${name}`]: reason });
}

async function requireCompanion(call: Call<unknown, unknown>, idOrName: string): Promise<void> {
  try {
    await findNamed(call, idOrName);
  } catch (error) {
    if (!GantryError.is(error) || error.code !== "APPLICATION_NOT_FOUND") throw error;
    throw invalid({ "affinities.colocation.application": "there is no such application: create it first" });
  }
}
