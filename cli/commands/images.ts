/** `gantry images …`: repositories and tags of the control plane's own registry, and its garbage. */
import { isDigest } from "../../src/registry/oci/digest.ts";
import { isRepository, isTag } from "../../src/registry/oci/names.ts";
import type { Operations } from "../../src/sdk/client/index.ts";
import { bytesText } from "../bytes.ts";
import type { ConnectionFlags } from "../connection.ts";
import type { Io } from "../io.ts";
import { problem, ProblemsError } from "../problems.ts";
import { table } from "../table.ts";
import { EXIT, type ExitCode } from "./apply.ts";
import { openApi } from "./context.ts";

export interface ImageFlags extends ConnectionFlags {
  readonly json?: boolean | undefined;
}

export interface DeleteFlags extends ImageFlags {
  readonly force?: boolean | undefined;
}

export interface GcFlags extends ImageFlags {
  readonly dryRun?: boolean | undefined;
  readonly untagged?: boolean | undefined;
  readonly repository?: string | undefined;
}

export type Visibility = "public" | "private";

type Report = Operations["POST /image-collections"]["result"];

const REPOSITORY_HEAD = ["REPOSITORY", "TAGS", "IMAGES", "SIZE", "PULL", "CREATED"];
const TAG_HEAD = ["TAG", "DIGEST", "SIZE", "PLATFORMS", "UPDATED", "USED BY"];
/** As docker shows them. */
const DIGEST_SHOWN = "sha256:".length + 12;

export async function imagesList(io: Io, flags: ImageFlags): Promise<ExitCode> {
  const repositories = await (await openApi(io, flags)).list("GET /images");
  if (flags.json === true) return tellLines(io, repositories);
  if (repositories.length === 0) io.out("there are no images yet: push one, docs/images.md tells how\n");
  else {
    const rows = repositories.map(({ name, tags, manifests, size, is_public: isPublic, created_at: created }) => {
      return [name, String(tags), String(manifests), bytesText(size), isPublic ? "anyone" : "login", created];
    });
    io.out(table([REPOSITORY_HEAD, ...rows]));
  }
  return EXIT.done;
}

export async function imagesTags(io: Io, repository: string, flags: ImageFlags): Promise<ExitCode> {
  const params = { repository: requireRepository(repository) };
  const tags = await (await openApi(io, flags)).list("GET /images/{repository}/tags", { params });
  if (flags.json === true) return tellLines(io, tags);
  if (tags.length === 0) io.out(`${repository} has no tags\n`);
  else {
    const rows = tags.map(({ name, digest, size, platforms = [], updated_at: updated, used_by: users }) => {
      const shown = [name, digest.slice(0, DIGEST_SHOWN), bytesText(size), platforms.join(","), updated];
      return [...shown, users.join("; ")];
    });
    io.out(table([TAG_HEAD, ...rows]));
  }
  return EXIT.done;
}

export async function imagesDelete(io: Io, image: string, flags: DeleteFlags): Promise<ExitCode> {
  const { repository, tag, digest } = partsOf(image);
  const api = await openApi(io, flags);
  const sent = { query: { force: String(flags.force === true) }, idempotencyKey: crypto.randomUUID() };
  const { result } =
    digest === null
      ? await api.send("DELETE /images/{repository}/tags/{tag}", { params: { repository, tag }, ...sent })
      : await api.send("DELETE /images/{repository}/manifests/{digest}", { params: { repository, digest }, ...sent });
  io.out(flags.json === true ? `${JSON.stringify(result)}\n` : `${result.message}\n`);
  return EXIT.done;
}

export async function imagesGc(io: Io, flags: GcFlags): Promise<ExitCode> {
  const { dryRun = false, untagged = false, repository } = flags;
  if (repository !== undefined) requireRepository(repository);
  const api = await openApi(io, flags);
  const body = { dry_run: dryRun, untagged, ...(repository === undefined ? {} : { repository }) };
  for (;;) {
    const idempotencyKey = crypto.randomUUID();
    const { result } = await api.send("POST /image-collections", { body, idempotencyKey });
    io.out(flags.json === true ? `${JSON.stringify(result)}\n` : reportText(result));
    if (result.complete) return EXIT.done;
  }
}

export async function imagesVisibility(
  io: Io,
  repository: string,
  visibility: Visibility,
  flags: ImageFlags,
): Promise<ExitCode> {
  const { result } = await (
    await openApi(io, flags)
  ).send("PATCH /images/{repository}", {
    params: { repository: requireRepository(repository) },
    body: { is_public: visibility === "public" },
    idempotencyKey: crypto.randomUUID(),
  });
  const who = result.is_public ? "anyone may pull from it" : "a login is needed to pull from it";
  io.out(flags.json === true ? `${JSON.stringify(result)}\n` : `${result.name} is ${visibility}: ${who}\n`);
  return EXIT.done;
}

function tellLines(io: Io, items: readonly object[]): ExitCode {
  for (const item of items) io.out(`${JSON.stringify(item)}\n`);
  return EXIT.done;
}

function reportText(report: Report): string {
  const { manifests, manifest_bytes: held, blobs, uploads, bytes, kept, examples, dry_run: isDryRun } = report;
  const verb = isDryRun ? "would be removed" : "removed";
  const counts = [
    ...(manifests === 0 ? [] : [`${count(manifests, "image")} without a tag (${bytesText(held)})`]),
    `${count(blobs, "blob")} and ${count(uploads, "upload")} (${bytesText(bytes)})`,
  ];
  return [
    ...examples.map((name) => `- ${name}`),
    ...kept.map(({ image, users }) => `  ${image} is kept, in use by ${users.join("; ")}`),
    `${counts.join("; ")} ${verb}`,
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function partsOf(image: string): { repository: string; tag: string; digest: string | null } {
  const at = image.indexOf("@");
  const colon = image.lastIndexOf(":");
  const digest = at < 0 ? null : image.slice(at + 1);
  const tag = at < 0 && colon >= 0 ? image.slice(colon + 1) : "";
  const isGood = digest === null ? isTag(tag) : isDigest(digest);
  if (!isGood) {
    const message = "is no image of the registry: <repository>:<tag> or <repository>@<digest>";
    throw new ProblemsError([problem(message, { field: image })]);
  }
  return { repository: requireRepository(image.slice(0, digest === null ? colon : at)), tag, digest };
}

function requireRepository(name: string): string {
  if (isRepository(name)) return name;
  const message = "is no repository: lower-case letters and digits, with ., _, - or / between them, and no host";
  throw new ProblemsError([problem(message, { field: name })]);
}
