/** A change of what a named instance may reach, as a bound Worker says it: the API's, in the SDK's names. */
import { changeOverrides, type OverrideChange } from "../../egress/policy/overrides.ts";
import { NO_OVERRIDES, NO_POLICY } from "../../egress/policy/policy.ts";
import { invalid, validate } from "../body.ts";
import { changeEgressSchema } from "./egress-change.ts";

const NAMES: ReadonlyMap<string, keyof OverrideChange> = new Map([
  ["removeAllowed", "remove_allowed"],
  ["removeDenied", "remove_denied"],
  ["setAllowed", "set_allowed"],
  ["setDenied", "set_denied"],
]);

export function egressChange(given: unknown): OverrideChange {
  const change = validate(changeEgressSchema, typeof given === "object" && given !== null ? renamed(given) : given);
  // Nothing is started for what no policy would take.
  const tried = changeOverrides(NO_OVERRIDES, NO_POLICY, change);
  if ("problem" in tried) throw invalid({ [tried.field]: tried.problem });
  return change;
}

function renamed(given: object): object {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [NAMES.get(name) ?? name, value]));
}
