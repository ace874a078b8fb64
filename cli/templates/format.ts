/**
 * What a template is in a registry: an OCI image manifest of an artifact type, a config with what is known of it, and one
 * layer with its files. What somebody else has pushed under these names is checked before anything is made of it.
 */
import * as z from "zod";
import { isDigest, type Digest } from "../../src/registry/oci/digest.ts";
import { isRepository, isTag } from "../../src/registry/oci/names.ts";
import { problem, ProblemsError } from "../problems.ts";

export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
export const ARTIFACT_TYPE = "application/vnd.gantry.template.v1";
export const CONFIG_TYPE = "application/vnd.gantry.template.config.v1+json";
export const BUNDLE_TYPE = "application/vnd.gantry.template.bundle.v1.tar+gzip";

/** Templates are the repositories below it. */
export const TEMPLATES = "templates/";
export const LATEST = "latest";

/** Bytes. A bundle goes up in one request. */
export const LIMITS = { bundle: 64 * 2 ** 20, unpacked: 256 * 2 ** 20, config: 2 ** 20, files: 5_000 } as const;

export const ANNOTATIONS = {
  title: "org.opencontainers.image.title",
  version: "org.opencontainers.image.version",
  description: "org.opencontainers.image.description",
} as const;

const PATH_PART = /^(?!\.{1,2}$)[^/\\\p{Cc}]+$/u;

/** Below the folder that it is written into, whatever the system. */
const path = z
  .string()
  .max(200)
  .refine((text) => text.split("/").every((part) => PATH_PART.test(part)), "is no path below a folder");

const text = z
  .string()
  .max(500)
  .refine((value) => !/\p{Cc}/u.test(value), "must not contain control characters");

/** In the config. */
export const templateInfo = z.looseObject({
  name: z.string().refine(isTemplateName),
  version: z.string().refine(isTag),
  description: text,
  /** Bytes of its files. */
  size: z.int().min(0),
  /** Names of secrets of the account. */
  secrets: z.array(text).max(100),
  files: z.array(z.looseObject({ path, size: z.int().min(0) })).max(LIMITS.files),
  /** As `POST /applications` takes it. */
  application: z.record(z.string(), z.unknown()),
});

export type TemplateInfo = z.infer<typeof templateInfo>;

const descriptor = z.looseObject({
  mediaType: z.string(),
  digest: z.string().refine(isDigest),
  size: z.int().min(0),
});

export const templateManifest = z.looseObject({
  artifactType: z.literal(ARTIFACT_TYPE),
  config: descriptor.extend({ mediaType: z.literal(CONFIG_TYPE), size: z.int().max(LIMITS.config) }),
  layers: z.tuple([descriptor.extend({ mediaType: z.literal(BUNDLE_TYPE), size: z.int().max(LIMITS.bundle) })]),
  annotations: z.record(z.string(), z.string()).default({}),
});

export type TemplateManifest = z.infer<typeof templateManifest>;

export interface TemplateReference {
  readonly name: string;
  /** A tag or a digest. */
  readonly reference: string;
}

export function isTemplateName(name: string): boolean {
  return isRepository(repositoryOf(name));
}

export function repositoryOf(name: string): string {
  return `${TEMPLATES}${name}`;
}

/** `<name>`, `<name>:<version>`, `<name>@<digest>`. */
export function parseReference(given: string): TemplateReference {
  const named = given.startsWith(TEMPLATES) ? given.slice(TEMPLATES.length) : given;
  const [, name = "", tag, digest] = /^([^:@]*)(?::([^@]*))?(?:@(.*))?$/.exec(named) ?? [];
  const form = "must be <name>, <name>:<version> or <name>@sha256:<64 hex digits>";
  if (!isTemplateName(name)) throw refused(given, `${form}; names are lower-case letters, digits, ., _, -`);
  if (tag !== undefined && !isTag(tag)) throw refused(given, form);
  if (digest !== undefined && !isDigest(digest)) throw refused(given, form);
  return { name, reference: digest ?? tag ?? LATEST };
}

export function formatReference({ name, reference }: TemplateReference): string {
  return `${name}${isDigest(reference) ? "@" : ":"}${reference}`;
}

function refused(given: string, message: string): ProblemsError {
  return new ProblemsError([problem(message, { field: JSON.stringify(given.slice(0, 200)) })]);
}

/** A manifest of something else is no failure of the registry. */
export function readManifest(bytes: Uint8Array, what: string): TemplateManifest {
  return read(templateManifest, bytes, `${what} is no template`);
}

export function readInfo(bytes: Uint8Array, what: string): TemplateInfo {
  return read(templateInfo, bytes, `${what} has a config that is none of a template`);
}

function read<T>(schema: z.ZodType<T>, bytes: Uint8Array, wrong: string): T {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ProblemsError([problem(`${wrong}: it is no JSON`)]);
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ProblemsError([problem(`${wrong}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`)]);
}

/** What a registry lists a template by. */
export interface TemplateView {
  readonly name: string;
  readonly digest: Digest;
  readonly tags: readonly string[];
  /** Bytes that a pull loads. */
  readonly size: number;
  readonly version: string;
  readonly description: string;
}
