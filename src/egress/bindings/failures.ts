/** What R2, KV and objects throw, as an error that says whose fault it is. They tell it in the text of a message only. */
import { describeError, GantryError, type ErrorCode } from "../../errors.ts";
import type { Address } from "./address.ts";
import { shown } from "./grants.ts";

/** R2's own numbers, in parentheses at the end. */
const R2_CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [100_100, "BODY_TOO_LARGE"],
  [10_012, "VALIDATE_INPUT"],
  [10_020, "VALIDATE_INPUT"],
  [10_029, "VALIDATE_INPUT"],
  [10_037, "CHECKSUM_MISMATCH"],
  [10_058, "RATE_LIMITED"],
]);

/** Statuses of KV's answers. */
const KV_CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [400, "VALIDATE_INPUT"],
  [413, "BODY_TOO_LARGE"],
  [429, "RATE_LIMITED"],
]);

function r2Code(error: unknown): number | null {
  const match = /\((\d{5,6})\)\s*$/.exec(error instanceof Error ? error.message : "");
  return match === null ? null : Number(match[1]);
}

export function explained(error: unknown, { type, binding, key }: Address): GantryError {
  if (GantryError.is(error)) return error;
  const code = codeOf(error, type);
  const reason = describeError(error);
  if (code === "VALIDATE_INPUT") return new GantryError(code, reason, { request: reason });
  if (code === "BINDING_FAILED") console.error({ message: "binding.failed", type, binding, error: reason });
  const details = { type, binding: shown(binding), key: shown(key) };
  return new GantryError(code, `${type} binding ${shown(binding)}: ${reason}`, details);
}

function codeOf(error: unknown, type: Address["type"]): ErrorCode {
  if (type === "r2") return R2_CODES.get(r2Code(error) ?? 0) ?? "BINDING_FAILED";
  if (type === "do") return "BINDING_FAILED";
  const status = /^KV \w+ failed: (\d{3})\b/.exec(error instanceof Error ? error.message : "")?.[1];
  return KV_CODES.get(Number(status)) ?? "BINDING_FAILED";
}
