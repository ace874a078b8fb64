/** owners: which resource is whose. What is made with `Gantry-Owner` is somebody's at once; else it is nobody's. */
import * as z from "zod";
import { OWNED_KINDS, type Owned, type OwnedKind } from "../../account/owners.ts";
import { GantryError, type ErrorCode } from "../../errors.ts";
import { accountStub } from "../../stubs.ts";
import { invalid } from "../body.ts";
import { message } from "../results/common.ts";
import { ownedResult } from "../results/owner.ts";
import { defineRoute, type Call } from "../route.ts";
import { mayReach } from "../scopes.ts";
import { ownerName, putOwnerSchema } from "../schemas/owner.ts";
import { requireWholeAccount } from "./lookup.ts";

const TAG = "Owners";
const PATH = "/owners/:kind/:name";

const NOT_FOUND: Readonly<Record<OwnedKind, ErrorCode>> = {
  application: "APPLICATION_NOT_FOUND",
  deployment: "DEPLOYMENT_NOT_FOUND",
  secret: "SECRET_NAME_NOT_FOUND",
  "ssh-key": "SSH_PUBLIC_KEY_NOT_FOUND",
  registry: "IMAGE_REGISTRY_NOT_FOUND",
  protocol: "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND",
};

export const ownerRoutes = [
  defineRoute({
    method: "GET",
    path: "/owners",
    tag: TAG,
    summary: "List resources that are somebody's",
    query: z.strictObject({ owner: ownerName.optional().describe("Only what is this one's") }),
    result: z.array(ownedResult),
    run: async ({ env, accountId, actor, query }) => {
      const owned: Owned[] = await accountStub(env, accountId).owned(query.owner ?? null);
      const isSeen = (one: Owned) =>
        (one.kind !== "application" && one.kind !== "deployment") || mayReach(actor, { id: one.id, name: one.name });
      return { result: owned.filter(isSeen).map(wireOwned) };
    },
  }),
  defineRoute({
    method: "PUT",
    path: PATH,
    tag: TAG,
    summary: "Give a resource that is nobody's to an owner",
    query: z.strictObject({}),
    body: putOwnerSchema,
    result: ownedResult,
    errors: ["OWNED_BY_ANOTHER", ...Object.values(NOT_FOUND)],
    run: async (call) => {
      requireWholeAccount(call.actor);
      const { kind, name } = named(call);
      const owned: Owned | null = await accountStub(call.env, call.accountId).own(kind, name, call.body.owner);
      if (owned === null) throw missing(kind, name);
      return { result: wireOwned(owned) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: PATH,
    tag: TAG,
    summary: "Make a resource nobody's; the resource stays",
    query: z.strictObject({}),
    result: message,
    errors: Object.values(NOT_FOUND),
    run: async (call) => {
      requireWholeAccount(call.actor);
      const { kind, name } = named(call);
      if (!(await accountStub(call.env, call.accountId).disown(kind, name))) throw missing(kind, name);
      return { result: { message: `${kind} ${name.slice(0, 128)} is nobody's` } };
    },
  }),
];

function named({ params }: Call<unknown, unknown>): { kind: OwnedKind; name: string } {
  const kind = z.enum(OWNED_KINDS).safeParse(params["kind"]);
  if (!kind.success) throw invalid({ kind: `must be one of ${OWNED_KINDS.join(", ")}` });
  return { kind: kind.data, name: params["name"] ?? "" };
}

function missing(kind: OwnedKind, nameOrId: string): GantryError {
  const name = nameOrId.slice(0, 128);
  return new GantryError(NOT_FOUND[kind], `there is no ${kind} ${name}`, { name });
}

function wireOwned({ kind, name, owner }: Owned): z.output<typeof ownedResult> {
  return { kind, name, owner };
}
