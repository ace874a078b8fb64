/**
 * Platforms, as containerd reads them: `os[(version)]/architecture[/variant]` in any of the names that people use, and
 * which of those that an image has is the nearest. Another architecture is never the nearest. Pure.
 */
import { DownloadError } from "../errors.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** Empty where there is none. */
  readonly variant: string;
  /** Of Windows: `10.0.20348.2527`, or the beginning of it. Empty: any. */
  readonly osVersion: string;
}

export const DEFAULT_PLATFORM = "linux/amd64";

const PART = /^[A-Za-z0-9_.-]{1,64}$/;
const OS = /^([A-Za-z0-9_.-]{1,64})(?:\(([A-Za-z0-9_.-]{1,64})\))?$/;

/** Throws `INVALID_PLATFORM`. */
export function readPlatform(text: string): Platform {
  const [os = "", architecture = "", variant = "", ...rest] = text.trim().split("/");
  const [, name = "", osVersion = ""] = OS.exec(os) ?? [];
  if (name === "" || !PART.test(architecture) || (variant !== "" && !PART.test(variant)) || rest.length > 0) {
    const message = `${text.slice(0, 100)} is no platform: write it as linux/amd64 or linux/arm/v7`;
    throw new DownloadError("INVALID_PLATFORM", message);
  }
  return normalised({ os: name, architecture, variant, osVersion });
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === "" ? [] : [variant])].join("/");
}

const SYSTEMS: Readonly<Record<string, string>> = { macos: "darwin" };

const ARCHITECTURES: Readonly<Record<string, readonly [string, string?]>> = {
  i386: ["386", ""],
  i686: ["386", ""],
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  aarch64: ["arm64"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
};

/** One form for each: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`. */
export function normalised({ os, architecture, variant, osVersion }: Platform): Platform {
  const system = os.toLowerCase();
  const machine = architecture.toLowerCase();
  const known = Object.hasOwn(ARCHITECTURES, machine) ? ARCHITECTURES[machine] : undefined;
  const name = known?.[0] ?? machine;
  const written = known?.[1] ?? variant.toLowerCase();
  const plain = /^\d+$/.test(written) ? `v${written}` : written;
  return {
    os: (Object.hasOwn(SYSTEMS, system) ? SYSTEMS[system] : undefined) ?? system,
    architecture: name,
    variant: variantOf(name, plain),
    osVersion,
  };
}

function variantOf(architecture: string, variant: string): string {
  if (architecture === "arm64" && variant === "v8") return "";
  if (architecture === "amd64" && variant === "v1") return "";
  if (architecture === "arm" && variant === "") return "v7";
  return variant;
}

/** How far `has` is from what is wanted: 0 is the same; null: it does not run there. Both normalised. */
export function distance(wanted: Platform, has: Platform): number | null {
  if (wanted.os !== has.os || wanted.architecture !== has.architecture) return null;
  if (!isSameVersion(wanted.osVersion, has.osVersion)) return null;
  if (wanted.variant === has.variant) return 0;
  const lowest = LOWEST[wanted.architecture];
  if (lowest === undefined) return null;
  const [want, got] = [levelOf(wanted), levelOf(has)];
  // What was made for an older processor runs on a newer one.
  return want === null || got === null || got > want || got < lowest ? null : want - got;
}

const LOWEST: Readonly<Record<string, number | undefined>> = { amd64: 1, arm: 5, arm64: 8 };

/** Of `v8.1`: 8.1. */
function levelOf({ architecture, variant }: Platform): number | null {
  if (variant === "") return LOWEST[architecture] ?? null;
  const [, level] = /^v(\d{1,2}(?:\.\d)?)$/.exec(variant) ?? [];
  return level === undefined ? null : Number(level);
}

/** By whole parts: `10.0.17763` is every build of it. What says no version fits every one. */
function isSameVersion(wanted: string, has: string): boolean {
  return wanted === "" || has === "" || `${has}.`.startsWith(`${wanted}.`);
}
