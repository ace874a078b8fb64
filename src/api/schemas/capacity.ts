/** Fields about who goes first where capacity is short, and about how much may run at one time. */
import * as z from "zod";

const MOST = 1_000_000_000;
const whole = z.int().min(0).max(MOST).nullable().optional();

export const priorities = z
  .strictObject({
    default: z
      .int()
      .min(-1_000)
      .max(1_000)
      .describe("Priority of every instance: higher is placed first, and may stop lower ones to be placed"),
  })
  .optional()
  .describe("Who goes first where capacity is short; default: 0");

export const preemption = z
  .enum(["allowed", "never"])
  .optional()
  .describe("Whether instances may be stopped to make room for a higher priority; default: allowed");

export const capacity = z.strictObject({
  instances: whole.describe("Most instances that run at one time; what is wanted beyond it waits. Null: any number"),
  vcpu: z
    .number()
    .min(0)
    .max(MOST)
    .nullable()
    .optional()
    .describe("Most vCPUs of all instances that run at one time. Null: any number, as at first"),
  memory_mib: whole.describe("Most memory of all instances that run at one time, in MiB. Null: any, as at first"),
  disk_mb: whole.describe("Most disk of all instances that run at one time, in MB. Null: any, as at first"),
});
