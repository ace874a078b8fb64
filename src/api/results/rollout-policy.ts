/** How instances are replaced, as answers say it. Times are in seconds. */
import * as z from "zod";

const amount = z.union([z.int().min(0), z.string()]);

/** Of an application only what it says itself. */
export const policyResult = z.strictObject({
  max_surge: amount.optional(),
  max_unavailable: amount.optional(),
  min_healthy_time: z.number().optional(),
  progress_deadline: z.number().nullable().optional(),
  auto_revert: z.boolean().optional(),
  scale_down_delay: z.number().optional(),
});
