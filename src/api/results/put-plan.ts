/** The answer to a dry run. */
import * as z from "zod";

const amounts = z.strictObject({ vcpu: z.number(), memory_mib: z.number(), disk_mb: z.number() });
const count = z.int().min(0);

export const putPlanResult = z.strictObject({
  dry_run: z.literal(true),
  create: z.boolean().describe("there is no such application: it would be made"),
  changes: z.array(
    z.strictObject({
      field: z.string(),
      from: z.json().describe("null when it is not set"),
      to: z.json().describe("null when it is not set"),
    }),
  ),
  instances: z.strictObject({
    start: count.describe("containers started that replace none"),
    stop: count.describe("containers stopped and not replaced"),
    update: count.describe("containers stopped and replaced"),
    unchanged: count.describe("deployments that nothing happens to"),
  }),
  cost_estimate: z
    .strictObject({
      before: amounts,
      peak: amounts.describe("while instances are replaced, one more runs"),
      after: amounts,
    })
    .describe("what all wanted instances together hold; prices are the platform's"),
  etag: z.string().nullable().describe("for If-Match of the write that follows; null when there is none yet"),
});
