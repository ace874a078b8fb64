/** Amounts of what an account's limits are about, and how they add up. Pure. */
import type { Limits } from "./limits.ts";

export interface Size {
  readonly vcpu: number;
  readonly memoryMib: number;
  readonly diskMb: number;
}

export function sameSize(a: Size, b: Size): boolean {
  return a.vcpu === b.vcpu && a.memoryMib === b.memoryMib && a.diskMb === b.diskMb;
}

/** How much an application is to come to. Absolute, so that asking twice is asking once. */
export interface Ask {
  readonly instances: number;
  /** Of one instance. */
  readonly size: Size;
  /** Beyond that, of all those together that were started in a larger size of their own. */
  readonly beyond?: Size;
  /** Of one instance: 1 with an IPv4 address of its own. */
  readonly ipv4s: number;
  /** `ANYWHERE`, or the code of a location. */
  readonly location: string;
}

/** What an application is at, as it says itself. */
export interface Usage extends Ask {
  readonly generation: number;
  /** How many of its instances are those that may be called by name; the rest are the pool. */
  readonly named?: number;
  /** How many may run attempts of jobs. */
  readonly jobs?: number;
  /** How many are kept started beyond what is needed. */
  readonly warm?: number;
  /** The pool follows its load: it counts as the most that it may come to. */
  readonly isScaled?: boolean;
}

export interface Amounts {
  readonly instances: number;
  readonly vcpu: number;
  readonly memoryMib: number;
  readonly diskMb: number;
  readonly ipv4s: number;
}

export const NOTHING: Amounts = { instances: 0, vcpu: 0, memoryMib: 0, diskMb: 0, ipv4s: 0 };

const NOTHING_BEYOND: Size = { vcpu: 0, memoryMib: 0, diskMb: 0 };

export function amountsOf({ instances, size, beyond = NOTHING_BEYOND, ipv4s }: Ask): Amounts {
  return {
    instances,
    vcpu: rounded(size.vcpu * instances + beyond.vcpu),
    memoryMib: size.memoryMib * instances + beyond.memoryMib,
    diskMb: size.diskMb * instances + beyond.diskMb,
    ipv4s: ipv4s * instances,
  };
}

export interface Resource {
  readonly key: keyof Amounts;
  readonly wire: string;
  readonly total: keyof Limits;
}

export const RESOURCES: readonly Resource[] = [
  { key: "instances", wire: "instances", total: "totalInstances" },
  { key: "vcpu", wire: "vcpu", total: "totalVcpu" },
  { key: "memoryMib", wire: "memory_mib", total: "totalMemoryMib" },
  { key: "diskMb", wire: "disk_mb", total: "totalDiskMb" },
  { key: "ipv4s", wire: "ipv4s", total: "ipv4s" },
];

/** Of sums of vCPUs, which are fractions. */
export const EPSILON = 1e-6;

export function sameAmounts(a: Amounts, b: Amounts): boolean {
  return RESOURCES.every(({ key }) => Math.abs(a[key] - b[key]) < EPSILON);
}

/** The API knows vCPUs to four decimals. */
export function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
