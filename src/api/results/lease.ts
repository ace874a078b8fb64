/** Answers about leases. */
import * as z from "zod";
import { timestamp } from "./common.ts";

export const leaseResult = z.strictObject({
  owner: z.string(),
  description: z.string().optional(),
  expires_at: timestamp,
});

export const takenLeaseResult = leaseResult.extend({
  nonce: z.string().describe("proof of the lease, for the header Gantry-Lease-Nonce"),
});
