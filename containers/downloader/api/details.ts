/**
 * What is known of an image before it is downloaded: what the Hub says of its repository, and what its registry has under
 * its name: platforms, layers, and how long the archive will be.
 */
import type { MetadataCache } from "../cache/metadata.ts";
import type { Download } from "../download/prepare.ts";
import type { Downloads } from "../downloads.ts";
import { DownloadError } from "../errors.ts";
import { json, send } from "../http/answer.ts";
import { badRequest } from "../http/api-error.ts";
import { parametersOf, type Call } from "../http/call.ts";
import { optionalText, text } from "../http/fields.ts";
import { Unreachable } from "../hub/client.ts";
import { DOCKER_HUB } from "../hub/found.ts";
import type { Fields } from "../hub/untrusted.ts";
import { FORMATS, type ArchiveFormat } from "../archive/layout.ts";
import { DEFAULT_PLATFORM } from "../image/platform.ts";
import { familiarName, readReference, type ImageReference } from "../image/reference.ts";
import type { Login } from "../registry/registries.ts";
import { inLog, loginOf } from "./login.ts";
import type { RegistriesInReach } from "./reach.ts";
import { tagsOf, type TagPage, type TagParts } from "./tags.ts";

const REMEMBER_S = 1_800;
const FIRST_TAGS = 10;
/** For an archive's length, where layers have to be read for it. Nobody looks at a page that takes longer. */
const PREPARE_MS = 120_000;

export interface DetailsParts extends TagParts {
  readonly downloads: Downloads;
  readonly registries: RegistriesInReach;
}

interface Wanted {
  readonly image: string;
  readonly reference: ImageReference;
  /** Null: any that there is, the usual one first. */
  readonly platform: string | null;
  readonly format: ArchiveFormat;
  readonly login: Login | null;
}

export async function details(call: Call, parts: DetailsParts): Promise<void> {
  const parameters = await parametersOf(call);
  const image = text(parameters, "image");
  const wanted: Wanted = {
    image,
    reference: readReference(image),
    platform: optionalText(parameters, "platform"),
    format: formatOf(optionalText(parameters, "format")),
    login: loginOf(parameters, call.request),
  };
  if (wanted.login === null) call.notes["image"] = inLog(wanted.image);
  const answer = await detailsOf(wanted, parts);
  await send(call.request, call.response, json(answer));
}

export function formatOf(format: string | null): ArchiveFormat {
  const found = FORMATS.find((one) => one === (format ?? FORMATS[0]));
  if (found === undefined) throw badRequest("format", `must be one of ${FORMATS.join(", ")}`);
  return found;
}

async function detailsOf(wanted: Wanted, parts: DetailsParts): Promise<Fields> {
  const { reference, platform, format, login } = wanted;
  const { metadata } = parts;
  const find = async (): Promise<Fields> => {
    const [described, tags, resolved] = await Promise.all([
      describe(reference, parts),
      firstTags(wanted, parts),
      attempt(() => resolve(wanted, parts.downloads)),
    ]);
    const isDescribed = described !== null && described !== "unreachable";
    // Of what nobody knows there is nothing to show; what the Hub describes may lack just this tag.
    if ("error" in resolved && !(isDescribed && isAboutTag(resolved.error))) throw resolved.error;
    const unreachable = described === "unreachable" ? [DOCKER_HUB.host] : [];
    return {
      name: familiarName(reference),
      registry: reference.domain,
      registry_title: parts.registries.titleOf(reference.domain),
      ...(isDescribed ? described : {}),
      tags: tags?.tags ?? [],
      unreachable,
      ...("value" in resolved ? imageFields(resolved.value) : { image_error: errorFields(resolved.error) }),
    };
  };
  if (login !== null) return await find();
  const key = ["details", JSON.stringify(reference), platform ?? "", format];
  return await rememberWhole(metadata, key, find);
}

/** What lacks a part is not remembered: it may be there the next time. */
async function rememberWhole(
  metadata: MetadataCache,
  key: readonly string[],
  find: () => Promise<Fields>,
): Promise<Fields> {
  const lacking = new Map<"found", Fields>();
  try {
    return await metadata.remember(key, REMEMBER_S, async () => {
      const found = await find();
      const isWhole = Array.isArray(found["unreachable"]) && found["unreachable"].length === 0;
      if (isWhole && !("image_error" in found)) return found;
      lacking.set("found", found);
      throw new Lacking();
    });
  } catch (error) {
    const found = lacking.get("found");
    if (error instanceof Lacking && found !== undefined) return found;
    // Another request has found the same at the same time.
    if (error instanceof Lacking) return await find();
    throw error;
  }
}

class Lacking extends Error {}

async function describe(
  { domain, repository }: ImageReference,
  { hub, metadata }: DetailsParts,
): Promise<Fields | "unreachable" | null> {
  if (domain !== DOCKER_HUB.host || hub === null) return null;
  try {
    return await metadata.remember(["repository", repository], REMEMBER_S, () => hub.repository(repository));
  } catch (error) {
    if (error instanceof Unreachable) return "unreachable";
    throw error;
  }
}

/** A list is nothing without which the image could not be shown. */
async function firstTags({ reference, login }: Wanted, parts: DetailsParts): Promise<TagPage | null> {
  try {
    return await tagsOf(reference, login, { page: 1, pageSize: FIRST_TAGS }, parts);
  } catch (error) {
    if (error instanceof DownloadError) return null;
    throw error;
  }
}

async function resolve({ image, platform, format, login }: Wanted, downloads: Downloads): Promise<Download> {
  const prepare = async (wanted: string) =>
    await downloads.prepare({ images: [image], platform: wanted, format, login }, AbortSignal.timeout(PREPARE_MS));
  try {
    return await prepare(platform ?? DEFAULT_PLATFORM);
  } catch (error) {
    const isMissing = error instanceof DownloadError && error.code === "PLATFORM_NOT_FOUND";
    const [first] = isMissing ? (error.details.platforms ?? []) : [];
    if (platform !== null || first === undefined) throw error;
    return await prepare(first);
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<{ readonly value: T } | { readonly error: DownloadError }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof DownloadError) return { error };
    throw error;
  }
}

const ABOUT_TAG: ReadonlySet<string> = new Set(["IMAGE_NOT_FOUND", "NOT_AN_IMAGE", "REGISTRY_UNREACHABLE"]);

function isAboutTag({ code }: DownloadError): boolean {
  return ABOUT_TAG.has(code);
}

function errorFields({ code, message, details: { platforms = [] } }: DownloadError): Fields {
  return { code, message, platforms };
}

function imageFields({ images: [image], plan, fileName }: Download): Fields {
  if (image === undefined) return {};
  return {
    reference: image.name,
    digest: image.manifest.digest,
    created: createdAt(image.config.bytes),
    platform: image.platform,
    platforms: image.platforms,
    size: image.size,
    archive_size: plan.length,
    filename: fileName,
    layers: image.layers.map(({ digest, size, mediaType, createdBy }) => ({
      digest,
      size,
      media_type: mediaType,
      created_by: createdBy,
    })),
  };
}

function createdAt(config: Uint8Array): string | null {
  try {
    const { created } = JSON.parse(new TextDecoder().decode(config)) as { readonly created?: unknown };
    return typeof created === "string" ? created.slice(0, 40) : null;
  } catch {
    return null;
  }
}
