/**
 * What a caller's `start` puts in place of parts of the configuration, for one instance that is called by name. It holds
 * until that instance is destroyed and lies over whichever version is active. Pure. The values may be secrets: only the
 * names of the fields that were given are ever shown.
 */
import { INSTANCE_TYPES, type InstanceType } from "../../api/schemas/configuration.ts";
import type { Size } from "../../account/amounts.ts";
import { ownImageName } from "../../registry/images/pin.ts";
import { protocolOf } from "../../registry/resolve-image.ts";
import { mergeConfiguration, type StoredConfiguration } from "../configurations.ts";
import { canonical } from "../launch-spec.ts";

export interface StartChoice {
  /** All of the environment: variables and secrets of the configuration are not there. */
  readonly env?: Readonly<Record<string, string>>;
  readonly image?: string;
  /** What that image is, by digest; absent of one that the Worker was deployed with. */
  readonly pinned?: string;
  readonly instanceType?: InstanceType;
  /** Name of a snapshot of this very instance, in place of an image. */
  readonly snapshot?: string;
}

export const CHOICE_FIELDS = ["env", "image", "instance_type", "snapshot"] as const;
export type ChoiceField = (typeof CHOICE_FIELDS)[number];

const KEYS: Readonly<Record<ChoiceField, keyof StartChoice>> = {
  env: "env",
  image: "image",
  instance_type: "instanceType",
  snapshot: "snapshot",
};

/** What a deployment's row says of the choice that it was started with: no value that a caller may want kept to himself. */
export interface Override {
  /** Of this choice: the sealed values are found by it, and it is part of the revision. */
  readonly id: string;
  readonly fields: readonly ChoiceField[];
  /** Of the instance type that was chosen: what runs is counted by it. */
  readonly size?: Size;
  /** That the chosen image is written with, and the chosen snapshot: they are in use. */
  readonly protocol?: string;
  readonly ownImage?: string;
  readonly snapshot?: string;
}

export function fieldsOf(choice: StartChoice): ChoiceField[] {
  return CHOICE_FIELDS.filter((field) => choice[KEYS[field]] !== undefined);
}

/** Nothing is chosen: whatever it was started with before stays. */
export function isBare(choice: StartChoice): boolean {
  return fieldsOf(choice).length === 0;
}

export function overrideOf(id: string, choice: StartChoice): Override {
  const protocol = choice.image === undefined ? null : protocolOf(choice.image);
  const ownImage = ownImageName(choice.pinned);
  return {
    id,
    fields: fieldsOf(choice),
    ...(choice.instanceType === undefined ? {} : { size: sizeOfType(choice.instanceType) }),
    ...(protocol === null ? {} : { protocol }),
    ...(ownImage === null ? {} : { ownImage }),
    ...(choice.snapshot === undefined ? {} : { snapshot: choice.snapshot }),
  };
}

/** The fields in which two choices are not the same, by name. */
export function differing(a: StartChoice, b: StartChoice): ChoiceField[] {
  return CHOICE_FIELDS.filter((field) => {
    const key = KEYS[field];
    return canonical(a[key] ?? null) !== canonical(b[key] ?? null);
  });
}

/** The configuration as this instance is started with it. */
export function withChoice(configuration: StoredConfiguration, choice: StartChoice): StoredConfiguration {
  const { env, image, pinned, instanceType } = choice;
  const variables = env === undefined ? undefined : Object.entries(env).map(([name, value]) => ({ name, value }));
  const merged = mergeConfiguration(configuration, {
    environment_variables: variables,
    image,
    pinned,
    instance_type: instanceType,
  });
  if (env === undefined) return merged;
  const { secrets: _, ...rest } = merged;
  return rest;
}

function sizeOfType(type: InstanceType): Size {
  const { vcpu, memory_mib: memoryMib, disk_mb: diskMb } = INSTANCE_TYPES[type];
  return { vcpu, memoryMib, diskMb };
}

/** How much more than `size` those take whose own is larger, by resource. */
export function beyond(sizes: Iterable<Size>, size: Size): Size {
  let [vcpu, memoryMib, diskMb] = [0, 0, 0];
  for (const own of sizes) {
    vcpu += Math.max(0, own.vcpu - size.vcpu);
    memoryMib += Math.max(0, own.memoryMib - size.memoryMib);
    diskMb += Math.max(0, own.diskMb - size.diskMb);
  }
  return { vcpu, memoryMib, diskMb };
}

export function isNothing({ vcpu, memoryMib, diskMb }: Size): boolean {
  return vcpu === 0 && memoryMib === 0 && diskMb === 0;
}
