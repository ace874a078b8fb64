/** What people read of why there is no room. Pure. */
import { LOADS, type Load } from "../../account/capacity/load.ts";
import type { Shortage } from "../../account/capacity/statement.ts";

const WIRE: Record<keyof Load, string> = {
  instances: "instances",
  vcpu: "vcpu",
  memoryMib: "memory_mib",
  diskMb: "disk_mb",
};

export function wireShortfall(shortfall: Partial<Load>): Record<string, number> {
  return Object.fromEntries(
    LOADS.flatMap((key) => (shortfall[key] === undefined ? [] : [[WIRE[key], shortfall[key]] as const])),
  );
}

/** As details of an event. */
export function shortDetails(shortage: Shortage | undefined): Record<string, number> {
  const entries = Object.entries(wireShortfall(shortage?.shortfall ?? {}));
  return Object.fromEntries(entries.map(([name, value]) => [`${name}_short`, value]));
}

export function explainShortage(shortage: Shortage | undefined): string {
  if (shortage === undefined) return "";
  const short = Object.entries(wireShortfall(shortage.shortfall)).map(([name, value]) => `${value} ${name}`);
  const missing = short.length === 0 ? "" : `; one more needs ${short.join(", ")} beyond what is left`;
  return shortage.isImpossible
    ? `${missing}; it is larger than the whole capacity: lower its size or raise it`
    : missing;
}
