/** The answer of `/ips`; its names are camelCase, as Cloudflare's are here. */
import * as z from "zod";

const allocation = z.strictObject({ placementID: z.string().optional(), deploymentID: z.string().optional() });

export const ipsResult = z.strictObject({
  ips: z.array(
    z.strictObject({
      ip: z.string(),
      ipType: z.enum(["v4", "v6"]),
      subnetMask: z.int().describe("length of the prefix that the address is of"),
      configuration: z
        .strictObject({ deploymentId: z.string().optional(), accountId: z.string().optional() })
        .optional()
        .describe("which deployment has it, and whether it stays the account's"),
      allocation: allocation.optional().describe("absent while no deployment has it"),
      portRanges: z
        .array(z.strictObject({ start: z.int(), end: z.int(), allocation: allocation.optional() }))
        .optional()
        .describe("ports that can be reached at the address"),
    }),
  ),
  filters: z
    .strictObject({
      placementID: z.string().optional(),
      deploymentID: z.string().optional(),
      allocated: z.boolean().optional(),
      ipType: z.enum(["v4", "v6"]).optional(),
    })
    .describe("the filters that were applied"),
});
