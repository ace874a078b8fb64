/** The header `Gantry-Owner`: whose the resource is that a request makes. */
import { GantryError } from "../errors.ts";
import type { Route } from "./route.ts";
import { ownerName } from "./schemas/owner.ts";

const HEADER = "Gantry-Owner";

/** For the account to keep, once it may be there at all. */
export function ownerOf(request: Request, { owned }: Pick<Route, "owned">): string | null {
  if (owned === false && request.headers.has(HEADER)) {
    throw refused("has no effect here: only what is made is given an owner; see PUT /owners/{kind}/{name}");
  }
  const owner = ownerIn(request);
  return owned === true ? owner : null;
}

/** Null: nobody's. */
export function ownerIn(request: Request): string | null {
  const text = request.headers.get(HEADER);
  if (text === null) return null;
  const parsed = ownerName.safeParse(text);
  if (parsed.success) return parsed.data;
  throw refused(parsed.error.issues[0]?.message ?? "is no owner");
}

function refused(reason: string): GantryError {
  return new GantryError("VALIDATE_INPUT", `${HEADER} ${reason}`, { [HEADER]: reason });
}
