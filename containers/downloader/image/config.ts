/** The config of an image: its platform, the digests of its layers without compression, and what made each. */
import { isRecord } from "../../../src/registry/oci/descriptor.ts";
import { isDigest, type Digest } from "../../../src/registry/oci/digest.ts";
import { DownloadError } from "../errors.ts";
import { platformOf } from "./index-walk.ts";
import type { Platform } from "./platform.ts";
import type { Verified } from "./types.ts";

export interface ImageConfig {
  readonly verified: Verified;
  /** Null where it says none. */
  readonly platform: Platform | null;
  readonly diffIds: readonly Digest[];
  /** By layer; null where the history does not say. */
  readonly commands: readonly (string | null)[];
}

const MAX_COMMAND = 2_000;

/** Throws `NOT_AN_IMAGE`. */
export function imageConfig(verified: Verified, name: string): ImageConfig {
  const config = parsed(verified.bytes);
  const rootfs = isRecord(config) ? config["rootfs"] : null;
  const listed = isRecord(rootfs) ? (rootfs["diff_ids"] ?? []) : null;
  const diffIds = Array.isArray(listed)
    ? listed.filter((id): id is Digest => typeof id === "string" && isDigest(id))
    : [];
  if (!isRecord(config) || !Array.isArray(listed) || diffIds.length !== listed.length) {
    throw new DownloadError("NOT_AN_IMAGE", `the config of ${name} names no layers as a config does`, { image: name });
  }
  const made = commandsOf(config["history"]);
  // A history of another length tells nothing of any one layer.
  const commands = made.length === diffIds.length ? made : diffIds.map(() => null);
  return { verified, platform: platformOf(config), diffIds, commands };
}

function commandsOf(history: unknown): (string | null)[] {
  if (!Array.isArray(history)) return [];
  return history.flatMap((step: unknown) => {
    if (!isRecord(step)) return [null];
    const { created_by: command, empty_layer: isEmpty } = step;
    if (isEmpty === true) return [];
    return [typeof command === "string" && command !== "" ? command.slice(0, MAX_COMMAND) : null];
  });
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return null;
  }
}
