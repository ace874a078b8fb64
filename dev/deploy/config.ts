/**
 * Reads wrangler.jsonc. Only the parts that an environment changes are described here; everything else passes through
 * untouched, and wrangler itself validates the whole when it deploys the generated file.
 */
import { readFile } from "node:fs/promises";
import { parse, type ParseError, printParseErrorCode } from "jsonc-parser";
import * as z from "zod";
import { DeployError } from "./deploy-error.ts";

const bucket = z.looseObject({
  binding: z.string(),
  bucket_name: z.string().optional(),
  jurisdiction: z.string().optional(),
});
const namespace = z.looseObject({ binding: z.string(), id: z.string().optional() });
const producer = z.looseObject({ binding: z.string(), queue: z.string().optional() });
const consumer = z.looseObject({ queue: z.string(), dead_letter_queue: z.string().optional() });
const image = z.looseObject({
  dockerfile: z.string().optional(),
  build_context: z.string().optional(),
  image: z.string().optional(),
});
const container = z.looseObject({
  name: z.string().optional(),
  class_name: z.string().optional(),
  image: z.string().optional(),
  image_build_context: z.string().optional(),
  images: z.record(z.string(), image).optional(),
});

const environmentFields = {
  vars: z.record(z.string(), z.unknown()).optional(),
  r2_buckets: z.array(bucket).optional(),
  kv_namespaces: z.array(namespace).optional(),
  queues: z
    .looseObject({ producers: z.array(producer).optional(), consumers: z.array(consumer).optional() })
    .optional(),
  services: z.array(z.looseObject({ service: z.string() })).optional(),
  durable_objects: z
    .looseObject({ bindings: z.array(z.looseObject({ script_name: z.string().optional() })) })
    .optional(),
  containers: z.array(container).optional(),
  secrets: z.looseObject({ required: z.array(z.string()).optional() }).optional(),
  assets: z.looseObject({ directory: z.string().optional() }).optional(),
  build: z
    .looseObject({ cwd: z.string().optional(), watch_dir: z.union([z.string(), z.array(z.string())]).optional() })
    .optional(),
  main: z.string().optional(),
  tsconfig: z.string().optional(),
  base_dir: z.string().optional(),
};

const overrides = z.looseObject(environmentFields);
const config = z.looseObject({
  name: z.string(),
  ...environmentFields,
  env: z.record(z.string(), overrides).optional(),
});

export type Overrides = z.infer<typeof overrides>;
export type Config = z.infer<typeof config>;
export type Container = z.infer<typeof container>;

export async function readConfig(path: string): Promise<Config> {
  return parseConfig(await readFile(path, "utf8"));
}

export function parseConfig(text: string): Config {
  const errors: ParseError[] = [];
  const raw: unknown = parse(text, errors, { allowTrailingComma: true });
  const broken = errors[0];
  if (broken !== undefined) {
    const line = text.slice(0, broken.offset).split("\n").length;
    throw new DeployError(`wrangler.jsonc is not valid JSONC: ${printParseErrorCode(broken.error)} in line ${line}`);
  }
  const parsed = config.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new DeployError(
    `wrangler.jsonc: ${issue?.path.join(".") || "the file"}: ${issue?.message ?? "not understood"}`,
  );
}
