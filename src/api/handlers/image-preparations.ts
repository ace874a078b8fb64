/** image preparations: can this image be started? Asking begins what is needed for it, once, and says how far it is. */
import * as z from "zod";
import { declaredReferences } from "../../containers/catalog.ts";
import { imageBackend } from "../../registry/images/backend.ts";
import { findImage } from "../../registry/images/find-image.ts";
import { formatPin, type Pin } from "../../registry/images/pin.ts";
import type { PreparationView } from "../../registry/images/progress.ts";
import { imagePreparationStub } from "../../stubs.ts";
import { imageResolution } from "../references.ts";
import { imagePreparationResult } from "../results/registry.ts";
import { defineRoute, type Call } from "../route.ts";

type Asked = Call<unknown, { readonly image: string }>;

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
    statuses: [200, 202],
    run: async (call) => {
      const { env, accountId, body } = call;
      const { image } = body;
      if (imageBackend(env) === null) return await declared(call);
      const found = await findImage({ env, accountId, request: call.request }, image);
      if (found.kind === "refused") return { result: { image, status: "error", reason: found.reason } };
      return found.kind === "declared" ? await declared(call) : await prepared(call, found.pin);
    },
  }),
];

/** What this Worker was deployed with is ready. */
async function declared({ env, accountId, body: { image } }: Asked) {
  const resolution = await imageResolution({ env, accountId }, image);
  if (!resolution.found) return { result: { image, status: "error", reason: resolution.reason } };
  const reference = (await declaredReferences(env)).get(resolution.name) ?? "";
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1];
  return { result: { image, status: "ready", ...(digest === undefined ? {} : { artifact_digest: digest }) } };
}

async function prepared({ env, accountId, body: { image } }: Asked, found: Pin) {
  const pin = formatPin(found);
  const view: PreparationView = await imagePreparationStub(env, accountId, pin).begin({ accountId, pin });
  const known = { image, artifact_digest: found.digest };
  if (view.state === "ready") return { result: { ...known, status: "ready" } };
  if (view.state === "error") return { result: { ...known, status: "error", reason: view.reason ?? "unknown" } };
  const percent = view.percent === null ? "" : ` ${view.percent} %`;
  return { status: 202, result: { ...known, status: "pending", reason: `${view.state}${percent}` } };
}
