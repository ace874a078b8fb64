/** image preparations: can this image be started? What this Worker was deployed with is ready; nothing else will be. */
import * as z from "zod";
import { declaredReferences } from "../../containers/catalog.ts";
import { imageResolution } from "../references.ts";
import { imagePreparationResult } from "../results/registry.ts";
import { defineRoute } from "../route.ts";

export const imagePreparationRoutes = [
  defineRoute({
    method: "POST",
    path: "/image-preparations",
    tag: "Images",
    summary: "Prepare an image, or look how its preparation is",
    query: z.strictObject({}),
    body: z.strictObject({
      image: z.string().min(1).max(512).describe("The image as a configuration would name it"),
    }),
    result: imagePreparationResult,
    run: async ({ env, accountId, body: { image } }) => {
      const resolution = await imageResolution({ env, accountId }, image);
      if (!resolution.found) return { result: { image, status: "error", reason: resolution.reason } };
      const reference = (await declaredReferences(env)).get(resolution.name) ?? "";
      const digest = /@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1];
      return { result: { image, status: "ready", ...(digest === undefined ? {} : { artifact_digest: digest }) } };
    },
  }),
];
