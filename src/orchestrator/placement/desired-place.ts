/** What the specification says about places, as the planner asks for it. Pure. */
import type { Desired } from "../plan/selection.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { isConstrained, type Constraints } from "./location.ts";
import { isDisallowed, isFoundOutside } from "./placing.ts";

/** A standalone deployment is a named identity, which never moves. */
export function desiredPlace({ kind, spec }: Pick<ApplicationRow, "kind" | "spec">): Partial<Desired> {
  const { isVerified = false } = spec.constraints ?? {};
  const constraints = constraintsIn(spec);
  if (kind !== "application" || !isConstrained(constraints)) return {};
  return {
    isMisplaced: ({ placement }) => isDisallowed(placement, constraints),
    ...(isVerified ? { isFoundOutside: ({ placement }) => isFoundOutside(placement, constraints) } : {}),
  };
}

export function constraintsIn({ constraints }: Pick<ApplicationRow["spec"], "constraints">): Constraints {
  const { isVerified: _, ...within } = constraints ?? {};
  return within;
}
