/** registry protocols: what `proto://name:tag` stands for. */
import * as z from "zod";
import { protocolNotFound, type Protocol } from "../../account/registry-protocols.ts";
import { GantryError } from "../../errors.ts";
import { accountStub } from "../../stubs.ts";
import { removeUnused } from "../references.ts";
import { message } from "../results/common.ts";
import { protocolResult } from "../results/registry.ts";
import { defineRoute, type Call } from "../route.ts";
import { protocolSchema } from "../schemas/registry.ts";
import { requireWholeAccount } from "./lookup.ts";
import { managedDomains } from "./registries.ts";

const NO_QUERY = z.strictObject({});

export const protocolRoutes = [
  defineRoute({
    method: "GET",
    path: "/registries/protos",
    tag: "Registry protocols",
    summary: "List registry protocols",
    query: NO_QUERY,
    result: z.array(protocolResult),
    run: async ({ env, accountId }) => {
      const protocols: Protocol[] = await accountStub(env, accountId).protocols();
      return { result: protocols.map(wireProtocol) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/registries/protos",
    tag: "Registry protocols",
    summary: "Create a registry protocol",
    owned: true,
    query: NO_QUERY,
    body: protocolSchema,
    result: protocolResult,
    statuses: [201],
    errors: ["IMAGE_REGISTRY_PROTOCOL_ALREADY_EXISTS"],
    run: async (call) => ({ status: 201, result: await put(call, false) }),
  }),
  defineRoute({
    method: "PUT",
    path: "/registries/protos",
    tag: "Registry protocols",
    summary: "Give a registry protocol other domains: seen by the next placement",
    query: NO_QUERY,
    body: protocolSchema,
    result: protocolResult,
    errors: ["IMAGE_REGISTRY_PROTOCOL_NOT_FOUND"],
    run: async (call) => ({ result: await put(call, true) }),
  }),
  defineRoute({
    method: "DELETE",
    path: "/registries/protos/:proto",
    tag: "Registry protocols",
    summary: "Delete a registry protocol that no image refers to",
    query: NO_QUERY,
    result: message,
    errors: ["IMAGE_REGISTRY_PROTOCOL_NOT_FOUND", "IMAGE_REGISTRY_PROTO_IS_REFERENCED"],
    run: async (call) => {
      requireWholeAccount(call.actor);
      const proto = call.params["proto"] ?? "";
      const account = accountStub(call.env, call.accountId);
      const removal = await removeUnused(
        call,
        { kind: "protocol", name: proto },
        async (asked) => await account.removeProtocol(proto, asked),
        (users) => {
          const text = `protocol ${proto} is referenced by images: ${users.join("; ")}`;
          return new GantryError("IMAGE_REGISTRY_PROTO_IS_REFERENCED", text, { proto, users });
        },
      );
      if (removal === "missing" && !call.isRetry) throw protocolNotFound(proto);
      return { result: { message: `registry protocol ${proto.slice(0, 100)} is deleted` } };
    },
  }),
];

async function put(call: Call<unknown, z.output<typeof protocolSchema>>, replace: boolean) {
  requireWholeAccount(call.actor);
  const { env, accountId, seed, body } = call;
  const options = { replace, managedDomains: managedDomains(call) };
  const protocol: Protocol = await accountStub(env, accountId).putProtocol({ id: seed, ...body }, options);
  return wireProtocol(protocol);
}

function wireProtocol({ proto, domains }: Protocol): z.output<typeof protocolResult> {
  return { proto, domains: domains.map(({ domain, path }) => ({ domain, path })) };
}
