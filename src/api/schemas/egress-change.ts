/** Changes of what one instance may reach, while it runs. */
import * as z from "zod";
import { EGRESS_LIMITS } from "./egress.ts";

const hosts = z.array(z.string().max(253)).max(EGRESS_LIMITS.rules);

export const changeEgressSchema = z
  .strictObject({
    allow: hosts.optional().describe("Hosts that it may reach as well"),
    deny: hosts.optional().describe("Hosts that it may not reach any more, whatever else says so"),
    remove_allowed: hosts.optional().describe("Hosts that are taken off its list of what is allowed"),
    remove_denied: hosts.optional().describe("Hosts that are taken off its list of what is denied"),
    set_allowed: hosts
      .nullable()
      .optional()
      .describe("In place of the policy's list of what is allowed; `null`: the policy's again"),
    set_denied: hosts
      .nullable()
      .optional()
      .describe("In place of the policy's list of what is denied; `null`: the policy's again"),
  })
  .refine((value) => Object.values(value).some((list) => list !== undefined), "must change something");
