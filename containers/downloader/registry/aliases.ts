/** Registries that the operator names: how each is shown, and where it is asked. From an environment variable. */
import * as z from "zod";

export interface RegistryAlias {
  /** As references write it: `127.0.0.1:8787`. */
  readonly host: string;
  /** Where it answers: `http://registry.gantry.internal`. */
  readonly url: string;
  readonly title: string;
}

const schema = z.array(
  z.strictObject({
    host: z
      .string()
      .regex(/^[A-Za-z0-9.[\]:-]{1,255}$/)
      .transform((host) => host.toLowerCase()),
    url: z.url({ protocol: /^https?$/ }).refine((url) => new URL(url).pathname === "/", "must have no path"),
    title: z.string().min(1).max(100).optional(),
  }),
);

/** `[{"host": "127.0.0.1:8787", "url": "http://registry.gantry.internal", "title": "Gantry"}]`. Throws for anything else. */
export function readAliases(text: string | undefined): readonly RegistryAlias[] {
  if (text === undefined || text.trim() === "") return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("DOWNLOADER_REGISTRIES is no JSON");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Error(`DOWNLOADER_REGISTRIES: ${z.prettifyError(parsed.error)}`);
  return parsed.data.map(({ host, url, title }) => ({ host, url: new URL(url).origin, title: title ?? host }));
}
