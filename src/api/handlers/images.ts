/** images: repositories and tags of the account's own registry, who may pull, what is in use, and its garbage. */
import * as z from "zod";
import { inBatches } from "../../batches.ts";
import { GantryError } from "../../errors.ts";
import { forgetPublic } from "../../registry/auth/public-repositories.ts";
import { isDigest, type Digest } from "../../registry/oci/digest.ts";
import { indexEntries } from "../../registry/oci/index-entries.ts";
import { kindOf } from "../../registry/oci/media-types.ts";
import { isTag, ownerOf } from "../../registry/oci/names.ts";
import type { Page, RepositoryView, StoredManifest, TagView } from "../../registry/store/contract.ts";
import { registryStub } from "../../stubs.ts";
import { invalid } from "../body.ts";
import { collectImages } from "../image-garbage.ts";
import { imageName, imageUses, inUse, removeImage } from "../image-use.ts";
import { decodePageToken, pageInfo, pageQuery } from "../pagination.ts";
import { message } from "../results/common.ts";
import { collectionResult, repositoryResult, tagResult } from "../results/image.ts";
import { defineRoute, type Call } from "../route.ts";
import { changeRepositorySchema, collectionSchema, repositoryName } from "../schemas/image.ts";
import { wireCollection, wireRepository, wireTag } from "../wire/image.ts";
import { requireWholeAccount } from "./lookup.ts";

const TAG = "Images";
const NO_QUERY = z.strictObject({});
const DELETE_QUERY = z.strictObject({
  force: z
    .enum(["true", "false"])
    .default("false")
    .describe("`true`: also what applications use, whose next container may find it gone; default `false`"),
});
const PAGE = 50;
const MAX_PAGE = 100;

type AnyCall = Call<unknown, unknown>;

export const imageRoutes = [
  defineRoute({
    method: "GET",
    path: "/images",
    tag: TAG,
    summary: "List the repositories of the account's own registry",
    query: z.strictObject(pageQuery(PAGE, MAX_PAGE)),
    result: z.array(repositoryResult),
    paged: true,
    run: async (call) => {
      requireWholeAccount(call.actor);
      const { per_page: perPage, page_token: pageToken } = call.query;
      const page: Page<RepositoryView> = await indexOf(call).repositories(pageAfter(perPage, pageToken));
      const info = pageInfo(perPage, pageToken, page.items.length, page.next);
      return { result: page.items.map(wireRepository), resultInfo: info };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/images/:repository",
    tag: TAG,
    summary: "Get a repository; a / in its name is written %2F",
    query: NO_QUERY,
    result: repositoryResult,
    errors: ["IMAGE_REPOSITORY_NOT_FOUND"],
    run: async (call) => {
      requireWholeAccount(call.actor);
      return { result: wireRepository(await requireRepository(call)) };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/images/:repository",
    tag: TAG,
    summary: "Say who may pull from a repository; a / in its name is written %2F",
    query: NO_QUERY,
    body: changeRepositorySchema,
    result: repositoryResult,
    errors: ["IMAGE_REPOSITORY_NOT_FOUND"],
    run: async (call) => {
      requireWholeAccount(call.actor);
      const repository = repositoryOf(call);
      // What is not there is as private as can be: nothing begins with saying so.
      if (!call.body.is_public) await requireRepository(call);
      const view: RepositoryView = await indexOf(call).setPublic(repository, call.body.is_public);
      forgetPublic(call.accountId, repository);
      return { result: wireRepository(view) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/images/:repository/tags",
    tag: TAG,
    summary: "List the tags of a repository, with what uses them",
    query: z.strictObject(pageQuery(PAGE, MAX_PAGE)),
    result: z.array(tagResult),
    errors: ["IMAGE_REPOSITORY_NOT_FOUND"],
    paged: true,
    run: async (call) => {
      requireWholeAccount(call.actor);
      const { per_page: perPage, page_token: pageToken } = call.query;
      const { name } = await requireRepository(call);
      const index = indexOf(call);
      const page: Page<TagView> = await index.tagViews(name, pageAfter(perPage, pageToken));
      const uses = await imageUses(
        call,
        page.items.map(({ digest }) => imageName(name, digest)),
      );
      const tags = await inBatches(page.items, async (tag) => {
        const users = uses.get(imageName(name, tag.digest))?.users ?? [];
        return wireTag(tag, await platformsOf(call, name, tag), users);
      });
      return { result: tags, resultInfo: pageInfo(perPage, pageToken, tags.length, page.next) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/images/:repository/tags/:tag",
    tag: TAG,
    summary: "Delete a tag of an image that nothing uses; its manifest stays until garbage is collected",
    query: DELETE_QUERY,
    result: message,
    errors: ["IMAGE_NOT_FOUND", "IMAGE_IN_USE"],
    run: async (call) => {
      requireWholeAccount(call.actor);
      const repository = repositoryOf(call);
      const tag = call.params["tag"] ?? "";
      if (!isTag(tag)) throw invalid({ tag: "must be letters, digits, _, . and -, at most 128" });
      const index = indexOf(call);
      const text = `${repository}:${tag}`;
      if (call.query.force !== "true") {
        const manifest: StoredManifest | null = await index.manifest(repository, tag);
        const name = manifest === null ? null : imageName(repository, manifest.digest);
        const users = name === null ? [] : ((await imageUses(call, [name])).get(name)?.users ?? []);
        if (users.length > 0) throw inUse(text, users);
      }
      if (!(await index.deleteTag(repository, tag)) && !call.isRetry) throw imageNotFound(text);
      return { result: { message: `${text} is deleted` } };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/images/:repository/manifests/:digest",
    tag: TAG,
    summary: "Delete an image that nothing uses, with its tags",
    query: DELETE_QUERY,
    result: message,
    errors: ["IMAGE_NOT_FOUND", "IMAGE_IN_USE"],
    run: async (call) => {
      requireWholeAccount(call.actor);
      const repository = repositoryOf(call);
      const digest = digestOf(call);
      const text = imageName(repository, digest);
      const removal = await removeImage(call, repository, digest, call.query.force === "true");
      if (removal === "missing" && !call.isRetry) throw imageNotFound(text);
      return { result: { message: `${text} is deleted` } };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/image-collections",
    tag: TAG,
    summary: "Collect the garbage of the account's own registry",
    query: NO_QUERY,
    body: collectionSchema,
    isBodyOptional: true,
    result: collectionResult,
    run: async (call) => {
      requireWholeAccount(call.actor);
      const { dry_run: isDryRun, untagged, repository = null } = call.body ?? collectionSchema.parse({});
      return { result: wireCollection(await collectImages(call, { isDryRun, untagged, repository }), isDryRun) };
    },
  }),
];

function indexOf({ env, accountId }: Pick<AnyCall, "env" | "accountId">) {
  return registryStub(env, accountId);
}

function pageAfter(limit: number, pageToken: string | undefined): { limit: number; last: string | null } {
  const last = decodePageToken(pageToken);
  return { limit, last: last === "" ? null : last };
}

/** As images are written, with the account in front, too. */
function repositoryOf({ params, accountId }: AnyCall): string {
  const { accountId: owner, repository } = ownerOf(params["repository"] ?? "");
  const parsed = repositoryName.safeParse(repository);
  if (!parsed.success) throw invalid({ repository: parsed.error.issues[0]?.message ?? "is no repository" });
  if (owner !== null && owner !== accountId) throw repositoryNotFound(`${owner}/${repository}`);
  return repository;
}

async function requireRepository(call: AnyCall): Promise<RepositoryView> {
  const name = repositoryOf(call);
  const view: RepositoryView | null = await indexOf(call).repository(name);
  if (view === null) throw repositoryNotFound(name);
  return view;
}

function digestOf({ params }: AnyCall): Digest {
  const digest = params["digest"] ?? "";
  if (isDigest(digest)) return digest;
  throw invalid({ digest: "must be sha256: and 64, or sha512: and 128 lower-case hex digits" });
}

/** Null for what is no index: then its config would have to be read. */
async function platformsOf(
  call: AnyCall,
  repository: string,
  { digest, mediaType }: TagView,
): Promise<string[] | null> {
  if (kindOf(mediaType) !== "index") return null;
  const manifest: StoredManifest | null = await indexOf(call).manifest(repository, digest);
  const named = manifest === null ? [] : indexEntries(manifest).map(({ platform }) => platform);
  return [...new Set(named.filter((platform) => platform !== null))];
}

function repositoryNotFound(name: string): GantryError {
  const text = `there is no repository ${name} in the registry of this account: push an image to it first`;
  return new GantryError("IMAGE_REPOSITORY_NOT_FOUND", text, { repository: name });
}

function imageNotFound(image: string): GantryError {
  return new GantryError("IMAGE_NOT_FOUND", `there is no image ${image} in the registry of this account`, { image });
}
