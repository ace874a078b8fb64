/** Why an ask is beyond an account's limits, with the numbers: for each resource what is asked, used, allowed. Pure. */
import type { ErrorCode, ErrorDetails } from "../errors.ts";
import { EPSILON, RESOURCES, rounded, type Amounts, type Ask, type Size } from "./amounts.ts";
import type { Limits, Settings } from "./limits.ts";
import { ANYWHERE, type LimitedLocation } from "./locations.ts";

export interface Refused {
  readonly outcome: "refused";
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** What is held, by all and in the location that is asked for, the asking application included. */
export interface Held {
  readonly total: Amounts;
  readonly there: Amounts;
  readonly own: Amounts;
}

/** Only growth is refused. */
export function refusalOf(settings: Settings, ask: Ask, asked: Amounts, held: Held): Refused | null {
  const { limits } = settings;
  const { own } = held;
  const growing = RESOURCES.filter(({ key }) => asked[key] > own[key] + EPSILON);
  if (growing.length === 0) return null;
  const size = sizeRefusal(ask.size, limits);
  if (size !== null) return size;
  const place = ask.location === ANYWHERE ? null : locationRefusal(settings.locations, ask, asked, held);
  if (place !== null) return place;
  const over = growing.flatMap(({ key, wire, total }) =>
    overLimit(wire, asked[key], held.total[key] - own[key], limits[total]),
  );
  return over.length === 0 ? null : surpassed("the account's limits", over);
}

/** Null when one instance of this size is within the account's limits. */
export function sizeRefusal(size: Size, limits: Limits): Refused | null {
  const over = [
    ...overSize("vcpu", size.vcpu, limits.vcpuPerDeployment),
    ...overSize("memory_mib", size.memoryMib, limits.memoryMibPerDeployment),
    ...overSize("disk_mb", size.diskMb, limits.diskMbPerDeployment),
  ];
  if (over.length === 0) return null;
  return refused("SURPASSED_BASE_LIMITS", "one instance is larger than the account's limits allow", over);
}

/** Null when the location is open, and one instance of this size is within its limits. */
export function locationSizeRefusal(locations: readonly LimitedLocation[], code: string, size: Size): Refused | null {
  const location = locations.find((known) => known.code === code && known.enabled);
  if (location === undefined) {
    const open = locations.filter(({ enabled }) => enabled).map((known) => known.code);
    const message = `location ${code.slice(0, 40)} is not one of the account's: ${open.join(", ") || "none is enabled"}`;
    return {
      outcome: "refused",
      code: "LOCATION_NOT_ALLOWED",
      message,
      details: { location: code.slice(0, 40), allowed: open },
    };
  }
  const over = [
    ...overSize("vcpu", size.vcpu, location.limits.vcpuPerDeployment),
    ...overSize("memory_mib", size.memoryMib, location.limits.memoryMibPerDeployment),
  ];
  if (over.length === 0) return null;
  return refused("LOCATION_SURPASSED_BASE_LIMITS", `one instance is larger than location ${code} allows`, over);
}

function locationRefusal(
  locations: readonly LimitedLocation[],
  ask: Ask,
  asked: Amounts,
  { there, own }: Held,
): Refused | null {
  const size = locationSizeRefusal(locations, ask.location, ask.size);
  const limits = locations.find(({ code }) => code === ask.location)?.limits;
  if (size !== null || limits === undefined) return size;
  const over = [
    ...overLimit("vcpu", asked.vcpu, there.vcpu - own.vcpu, limits.totalVcpu),
    ...overLimit("memory_mib", asked.memoryMib, there.memoryMib - own.memoryMib, limits.totalMemoryMib),
  ];
  return over.length === 0 ? null : surpassed(`the limits of location ${ask.location}`, over);
}

interface Over {
  readonly wire: string;
  readonly text: string;
  readonly numbers: Readonly<Record<string, number>>;
}

function overSize(wire: string, asked: number, limit: number): Over[] {
  if (asked <= limit + EPSILON) return [];
  const numbers = { [`${wire}_asked`]: asked, [`${wire}_limit`]: limit };
  return [{ wire, text: `asked ${asked}, limit ${limit} per deployment`, numbers }];
}

function overLimit(wire: string, asked: number, used: number, limit: number): Over[] {
  const shortfall = rounded(asked + used - limit);
  if (shortfall <= 0) return [];
  return [
    {
      wire,
      text: `asked ${asked}, used ${rounded(used)} by others, limit ${limit}: ${shortfall} too many`,
      numbers: {
        [`${wire}_asked`]: asked,
        [`${wire}_used`]: rounded(used),
        [`${wire}_limit`]: limit,
        [`${wire}_shortfall`]: shortfall,
      },
    },
  ];
}

function surpassed(whose: string, over: readonly Over[]): Refused {
  return refused("SURPASSED_TOTAL_LIMITS", `this would surpass ${whose}`, over);
}

function refused(code: ErrorCode, what: string, over: readonly Over[]): Refused {
  const reasons = over.map(({ wire, text }) => [wire, text] as const);
  const message = `${what}: ${reasons.map(([wire, text]) => `${wire} ${text}`).join("; ")}`;
  const numbers = Object.assign({}, ...over.map((item) => item.numbers)) as Record<string, number>;
  return { outcome: "refused", code, message, details: { ...Object.fromEntries(reasons), ...numbers } };
}
