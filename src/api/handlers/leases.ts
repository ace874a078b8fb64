/** The lease of an application: while it is held, only its holder changes the application. */
import * as z from "zod";
import { parseDuration } from "../../duration.ts";
import { GantryError } from "../../errors.ts";
import type { Lease } from "../../orchestrator/leases.ts";
import { applicationStub } from "../../stubs.ts";
import { message } from "../results/common.ts";
import { leaseResult, takenLeaseResult } from "../results/lease.ts";
import { defineRoute } from "../route.ts";
import { duration } from "../schemas/duration.ts";
import { allows } from "../scopes.ts";
import { iso } from "../../iso.ts";
import { findApplication } from "./lookup.ts";

const PATH = "/applications/:id/lease";

export const leaseRoutes = [
  defineRoute({
    method: "POST",
    path: PATH,
    tag: "Leases",
    summary: "Take the lease of an application, or renew it with its nonce",
    scope: "operate",
    query: z.strictObject({}),
    body: z.strictObject({
      ttl: duration(1_000, 3_600_000).describe("How long it is held from now on; 1 s to 1 h"),
      description: z.string().min(1).max(200).optional().describe("Told to those who are refused; default: none"),
    }),
    result: takenLeaseResult,
    errors: ["APPLICATION_NOT_FOUND", "LEASE_HELD"],
    sensitive: true,
    run: async (call) => {
      const { id } = findApplication(call);
      const request = {
        seed: call.seed,
        owner: call.actor.name,
        description: call.body.description ?? null,
        // The schema has accepted it, so it parses.
        ttlMs: parseDuration(call.body.ttl) ?? 0,
      };
      const lease: Lease = await applicationStub(call.env, id).takeLease(call.lease, request);
      return { result: { nonce: lease.nonce, ...wireLease(lease) } };
    },
  }),
  defineRoute({
    method: "GET",
    path: PATH,
    tag: "Leases",
    summary: "Who holds the lease of an application",
    query: z.strictObject({}),
    result: leaseResult,
    errors: ["APPLICATION_NOT_FOUND", "LEASE_NOT_FOUND"],
    run: async (call) => {
      const { id, name } = findApplication(call);
      const lease: Lease | null = await applicationStub(call.env, id).lease();
      if (lease === null) throw noLease(name);
      return { result: wireLease(lease) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: PATH,
    tag: "Leases",
    summary: "Release the lease of an application",
    scope: "operate",
    query: z.strictObject({
      force: z
        .enum(["true", "false"])
        .default("false")
        .describe("`true`: also without its nonce, for tokens of scope admin; default `false`"),
    }),
    result: message,
    errors: ["APPLICATION_NOT_FOUND", "LEASE_NOT_FOUND", "LEASE_HELD"],
    run: async (call) => {
      const { id, name } = findApplication(call);
      const force = call.query.force === "true";
      if (force && !allows(call.actor.scopes, "admin")) {
        const text = `force needs a token of scope admin; this one has ${call.actor.scopes.join(", ")}`;
        throw new GantryError("FORBIDDEN", text, { scope: "admin" });
      }
      const isReleased = await applicationStub(call.env, id).releaseLease(call.lease, force);
      if (!isReleased && !call.isRetry) throw noLease(name);
      return { result: { message: `the lease of ${name} is released` } };
    },
  }),
];

function wireLease({ owner, description, expiresAt }: Lease) {
  return { owner, ...(description === null ? {} : { description }), expires_at: iso(expiresAt) };
}

function noLease(name: string): GantryError {
  return new GantryError("LEASE_NOT_FOUND", `nobody holds the lease of ${name}`, { application: name });
}
