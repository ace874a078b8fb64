/**
 * Query parameters as an object for the schemas. A parameter that the schema declares as an array may be repeated; any
 * other that comes twice is refused, since either value would be a guess.
 */
import * as z from "zod";
import { invalid } from "./body.ts";

export function queryOf(url: URL, schema: z.ZodType): Record<string, string | string[]> {
  const values = new Map<string, string | string[]>();
  const lists = listParameters(schema);
  for (const name of new Set(url.searchParams.keys())) {
    const all = url.searchParams.getAll(name);
    if (lists.has(name)) values.set(name, all);
    else if (all.length > 1) throw invalid({ [name.slice(0, 100)]: "is given more than once" });
    else values.set(name, all[0] ?? "");
  }
  return Object.fromEntries(values);
}

const known = new WeakMap<z.ZodType, ReadonlySet<string>>();

function listParameters(schema: z.ZodType): ReadonlySet<string> {
  const cached = known.get(schema);
  if (cached !== undefined) return cached;
  const shape = schema instanceof z.ZodObject ? Object.entries(schema.shape) : [];
  const lists = new Set(shape.flatMap(([name, field]) => (unwrapped(field) instanceof z.ZodArray ? [name] : [])));
  known.set(schema, lists);
  return lists;
}

function unwrapped(field: unknown): unknown {
  return field instanceof z.ZodOptional || field instanceof z.ZodDefault ? unwrapped(field.unwrap()) : field;
}
