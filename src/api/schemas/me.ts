/** Body of `PATCH /me`: what an account's administrator may change. */
import * as z from "zod";
import { LARGEST } from "../../account/limits.ts";
import { LOCATION_CODES, MAX_OWN_LOCATIONS } from "../../account/locations.ts";
import { capacity } from "./capacity.ts";
import { REGIONS } from "../../orchestrator/placement/location.ts";

const MOST = 1_000_000_000;

const vcpus = z.number().min(0.0625).max(LARGEST.vcpu);
const memoryMib = z.int().min(128).max(LARGEST.memory_mib);
const diskMb = z.int().min(500).max(LARGEST.disk_mb);
const total = z.number().min(0).max(MOST);
const wholeTotal = z.int().min(0).max(MOST);

const MEMORY_UNITS: Readonly<Record<string, number>> = {
  MB: 1_000_000 / 1_048_576,
  GB: 1_000_000_000 / 1_048_576,
  MIB: 1,
  GIB: 1_024,
};

/** `400MB`, `4GiB` in MiB; null when it is no such text. */
export function parseMemory(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,3})?) ?(MB|GB|MiB|GiB)$/i.exec(text);
  const unit = MEMORY_UNITS[match?.[2]?.toUpperCase() ?? ""];
  return match === null || unit === undefined ? null : Math.round(Number(match[1]) * unit);
}

const memory = z.string().superRefine((value, context) => {
  const parsed = memoryMib.safeParse(parseMemory(value));
  if (parsed.success) return;
  const message = `must be a size such as 400MB or 4GiB, between 128 and ${LARGEST.memory_mib} MiB`;
  context.addIssue({ code: "custom", message });
});

const defaults = z
  .strictObject({
    vcpus: vcpus.optional().describe("VCPUs of an instance whose configuration names no size; at first 0.0625"),
    memory_mib: memoryMib
      .optional()
      .describe("Memory in MiB of an instance whose configuration names no size; at first 256"),
    memory: memory.optional().describe("The same as a text with a unit, as older clients send it"),
    disk_mb: diskMb.optional().describe("Disk in MB of an instance whose configuration names no size; at first 2000"),
  })
  .superRefine((value, context) => {
    const { memory: text, memory_mib: mib } = value;
    if (text === undefined || mib === undefined || parseMemory(text) === mib) return;
    context.addIssue({ code: "custom", path: ["memory"], message: `is not memory_mib (${mib}): give one of them` });
  });

const limits = z.strictObject({
  vcpu_per_deployment: vcpus.optional().describe("Most vCPUs of one instance; at most what the platform starts"),
  memory_mib_per_deployment: memoryMib.optional().describe("Most memory of one instance in MiB"),
  disk_mb_per_deployment: diskMb.optional().describe("Most disk of one instance in MB"),
  total_instances: wholeTotal.optional().describe("Most instances of all applications and deployments together"),
  total_vcpu: total.optional().describe("Most vCPUs of all instances together"),
  total_memory_mib: wholeTotal.optional().describe("Most memory of all instances together, in MiB"),
  total_disk_mb: wholeTotal.optional().describe("Most disk of all instances together, in MB"),
  ipv4s: wholeTotal.optional().describe("Most IPv4 addresses of all instances together"),
});

const location = z.strictObject({
  location: z
    .string()
    .regex(/^[a-z][a-z0-9-]{1,31}$/, "must be 2 to 32 lower-case letters, digits or -, and start with a letter")
    .refine((code) => code !== "auto", "must not be auto, which stands for anywhere")
    .describe("Code of the location: that of a region, or of one that the account adds by giving `region`"),
  enabled: z
    .boolean()
    .optional()
    .describe("Whether instances may be asked to run there; what runs there goes on. At first true"),
  weight: z
    .number()
    .min(0)
    .max(1_000)
    .optional()
    .describe(
      "Share of an application's new instances beside the other locations'; all alike: an even spread. At first 1",
    ),
  region: z
    .enum(REGIONS)
    .optional()
    .describe("Region of a location that the account adds: where its objects are asked to be. Never changes"),
  name: z.string().min(1).max(100).optional().describe("What people read; default: the region's name, or the code"),
  city: z
    .string()
    .regex(/^[A-Za-z]{3}$/, "must be an airport code of three letters")
    .transform((city) => city.toUpperCase())
    .nullable()
    .optional()
    .describe("Airport code that the constraint `cities` finds it by; null: none, as at first"),
  pop: z
    .string()
    .regex(/^[A-Za-z0-9]{2,16}$/, "must be 2 to 16 letters or digits")
    .nullable()
    .optional()
    .describe("Data centre that the constraint `pops` finds it by; null: none, as at first"),
  limits: z
    .strictObject({
      vcpu_per_deployment: vcpus.optional().describe("Most vCPUs of one instance there; default: the account's limit"),
      memory_mib_per_deployment: memoryMib.optional().describe("Most memory of one instance there, in MiB"),
      total_vcpu: total.optional().describe("Most vCPUs of all instances there together"),
      total_memory_mib: wholeTotal.optional().describe("Most memory of all instances there together, in MiB"),
    })
    .optional()
    .describe("Limits of the location; what is left out stays as it is"),
  capacity: capacity.optional().describe("What may run there at one time; what is left out stays as it is"),
});

export const patchMeSchema = z.strictObject({
  capacity: capacity
    .optional()
    .describe("What may run at one time, beside what the limits let be wanted; what does not fit waits in order"),
  defaults: defaults.optional().describe("Size of instances whose configuration names none, from now on"),
  limits: limits
    .optional()
    .describe("What the account may use; lowering one stops nothing that runs, it refuses growth"),
  locations: z
    .array(location)
    .max(LOCATION_CODES.length + MAX_OWN_LOCATIONS)
    .superRefine((items, context) => {
      items.forEach((item, index) => {
        if (items.findIndex((other) => other.location === item.location) === index) return;
        context.addIssue({ code: "custom", path: [index, "location"], message: `is there twice: ${item.location}` });
      });
    })
    .optional()
    .describe("Locations to change; those that are left out stay as they are"),
});

export type PatchMe = z.output<typeof patchMeSchema>;
