/** `label=` of list queries: `name=value`, or `name:value` as wrangler's users write it; given more than once, all count. */
import * as z from "zod";

export const labelQuery = z
  .array(z.string().max(200).regex(/[=:]/, "must be name=value or name:value"))
  .max(16)
  .optional()
  .describe("Only what carries this label, written `name=value` or `name:value`; repeated: all of them");

interface Labelled {
  readonly labels?: readonly { readonly name: string; readonly value: string }[] | undefined;
}

export function hasLabels({ labels = [] }: Labelled, wanted: readonly string[] = []): boolean {
  return wanted.every((text) =>
    labels.some(({ name, value }) => text === `${name}=${value}` || text === `${name}:${value}`),
  );
}
