/** Single fields of a request: of the right kind and within limits, or refused by name. */
import { badRequest } from "./api-error.ts";
import type { Parameters } from "./body.ts";

const MAX_TEXT = 1_024;

export function text(parameters: Parameters, name: string): string {
  const value = optionalText(parameters, name);
  if (value === null) throw badRequest(name, "is required");
  return value;
}

/** Null: not there, or empty, which is what a form sends of a field that nobody has filled in. */
export function optionalText(parameters: Parameters, name: string): string | null {
  const value = parameters[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") throw badRequest(name, "must be a text");
  if (value.length > MAX_TEXT) throw badRequest(name, `must have at most ${MAX_TEXT} characters`);
  return value.trim() === "" ? null : value.trim();
}

/** As it is: a space may be a part of a password. */
export function optionalSecret(parameters: Parameters, name: string): string | null {
  const value = parameters[name];
  if (value === undefined || value === null || value === "") return null;
  if (typeof value !== "string" || value.length > 16_384) throw badRequest(name, "must be a text");
  return value;
}

export function whole(
  parameters: Parameters,
  name: string,
  { least, most, otherwise }: { readonly least: number; readonly most: number; readonly otherwise: number },
): number {
  const value = parameters[name];
  if (value === undefined || value === null || value === "") return otherwise;
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || number < least || number > most) {
    throw badRequest(name, `must be a whole number from ${least} to ${most}`);
  }
  return number;
}

/** One text, or a list of them; of either name. */
export function texts(parameters: Parameters, names: readonly string[], most: number): string[] {
  const found = names.flatMap((name) => {
    const value = parameters[name];
    if (value === undefined || value === null) return [];
    const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
    return list.map((one) => {
      if (typeof one !== "string" || one.trim() === "") throw badRequest(name, "must be a text that is not empty");
      if (one.length > MAX_TEXT) throw badRequest(name, `must have at most ${MAX_TEXT} characters`);
      return one.trim();
    });
  });
  const field = names[0] ?? "";
  if (found.length === 0) throw badRequest(field, "is required");
  if (found.length > most) throw badRequest(field, `at most ${most} are possible`);
  return found;
}
