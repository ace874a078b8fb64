/** Whether two configurations say the same, and what a partial one makes of a whole one. Pure. */
import type { Configuration } from "../api/schemas/configuration.ts";
import { canonical, sizeOf } from "./launch-spec.ts";

/**
 * A version's configuration; `location` is what a standalone deployment was asked to run at, `pinned` which image its
 * `image` stood for when it was admitted (`registry/images/pin.ts`). Absent: one that this Worker was deployed with.
 */
export type StoredConfiguration = Configuration & {
  readonly location?: string | undefined;
  readonly pinned?: string | undefined;
};

/** As the user wrote it, and what was found for it. */
export function splitPin(configuration: StoredConfiguration): {
  readonly written: Omit<StoredConfiguration, "pinned">;
  readonly pinned: string | undefined;
} {
  const { pinned, ...written } = configuration;
  return { written, pinned };
}

export type PartialConfiguration = {
  readonly [Key in keyof StoredConfiguration]?: StoredConfiguration[Key] | undefined;
};

/** Written in whichever order, with its size said or left to the type. */
export function sameConfiguration(a: StoredConfiguration, b: StoredConfiguration): boolean {
  return canonical(identity(a)) === canonical(identity(b));
}

function identity(configuration: StoredConfiguration): object {
  const { vcpu: _vcpu, memory_mib: _memory, disk: _disk, ...rest } = configuration;
  const given = Object.entries({ ...rest, size: sizeOf(configuration) });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

const SIZES = ["vcpu", "memory_mib", "disk"] as const;

/** Each field that is given replaces the one that was. A type and a size exclude each other, so the newer wish stands. */
export function mergeConfiguration(base: StoredConfiguration, patch: PartialConfiguration): StoredConfiguration {
  const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
  const kept: Record<string, unknown> = { ...base };
  // Another image, or the same one as it is now.
  if (patch.image !== undefined) delete kept["pinned"];
  if (patch.instance_type !== undefined) for (const field of SIZES) delete kept[field];
  else if (SIZES.some((field) => patch[field] !== undefined)) {
    const { vcpu, memoryMib, diskMb } = sizeOf(base);
    Object.assign(kept, { vcpu, memory_mib: memoryMib, disk: { size_mb: diskMb } });
    delete kept["instance_type"];
  }
  // Both are of this shape; the caller has the whole checked again.
  return { ...kept, ...given } as StoredConfiguration;
}
