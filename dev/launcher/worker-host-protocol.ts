/** What the launcher and the process that hosts workerd say to each other. */
import * as z from "zod";

export const hostOptions = z.strictObject({
  configPath: z.string(),
  port: z.int(),
  /** Where Durable Objects keep their state. */
  persistTo: z.string(),
  session: z.string(),
  /** The tag of every workload image: one per launcher, so that tags do not pile up. */
  imageTag: z.string(),
  /** In place of those in the configuration. */
  vars: z.record(z.string(), z.string()),
});
export type HostOptions = z.infer<typeof hostOptions>;

export const hostMessage = z.discriminatedUnion("type", [
  z.object({ type: z.literal("runtime-started"), pid: z.int() }),
  z.object({ type: z.literal("runtime-died"), pid: z.int(), code: z.int().nullable(), signal: z.string().nullable() }),
  z.object({ type: z.literal("ready") }),
  z.object({ type: z.literal("failed"), reason: z.string() }),
]);
export type HostMessage = z.infer<typeof hostMessage>;
