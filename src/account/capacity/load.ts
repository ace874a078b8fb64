/** Amounts of what runs or may run at one time, and the most of it that an account or a location takes. Pure. */
import { rounded, type Size } from "../amounts.ts";

export interface Load {
  readonly instances: number;
  readonly vcpu: number;
  readonly memoryMib: number;
  readonly diskMb: number;
}

/** Null: any amount. */
export type Capacity = { readonly [Key in keyof Load]: number | null };

export const LOADS = ["instances", "vcpu", "memoryMib", "diskMb"] as const satisfies readonly (keyof Load)[];

export const NO_LOAD: Load = { instances: 0, vcpu: 0, memoryMib: 0, diskMb: 0 };
export const ANY: Capacity = { instances: null, vcpu: null, memoryMib: null, diskMb: null };

/** Of sums of vCPUs, which are fractions. */
const EPSILON = 1e-6;

export function loadOf(size: Size, count: number): Load {
  return mapLoad((key) => (key === "instances" ? count : size[key] * count));
}

export function add(a: Load, b: Load): Load {
  return mapLoad((key) => a[key] + b[key]);
}

export function subtract(a: Load, b: Load): Load {
  return mapLoad((key) => a[key] - b[key]);
}

export function scaled(load: Load, factor: number): Load {
  return mapLoad((key) => load[key] * factor);
}

export function sameLoad(a: Load, b: Load): boolean {
  return LOADS.every((key) => Math.abs(a[key] - b[key]) < EPSILON);
}

/** Something of it is less than in `b`. */
export function isLess(a: Load, b: Load): boolean {
  return LOADS.some((key) => a[key] < b[key] - EPSILON);
}

/** What is left of a capacity beside a load: infinite where it is not limited, below 0 where more runs than may. */
export function leftOf(capacity: Capacity, load: Load): Load {
  return mapLoad((key) => (capacity[key] ?? Number.POSITIVE_INFINITY) - load[key]);
}

/** How many of a size fit into what is left. */
export function fits(left: Load, size: Load): number {
  const counts = LOADS.filter((key) => size[key] > 0).map((key) => Math.floor((left[key] + EPSILON) / size[key]));
  return Math.max(0, Math.min(...counts));
}

/** What is left when one of this size is set aside, be it there or not. */
export function setAside(left: Load, size: Load): Load {
  return mapLoad((key) => Math.max(Math.min(left[key], 0), left[key] - size[key]));
}

export function isLimited(capacity: Capacity): boolean {
  return LOADS.some((key) => capacity[key] !== null);
}

function mapLoad(value: (key: keyof Load) => number): Load {
  const at = (key: keyof Load) => {
    const number = value(key);
    return Number.isFinite(number) ? rounded(number) : number;
  };
  return { instances: at("instances"), vcpu: at("vcpu"), memoryMib: at("memoryMib"), diskMb: at("diskMb") };
}
