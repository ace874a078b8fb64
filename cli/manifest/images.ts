/** Images that are built: a path in a manifest is an entry of `images` in the control plane's wrangler.jsonc. */
import { resolve } from "node:path";
import { imageSource } from "../../src/sdk/definition/image.ts";
import type { Resource, SpecObject } from "../resources/resource.ts";

export interface BuiltImage {
  readonly name: string;
  /** Absolute. */
  readonly dockerfile: string;
  readonly context: string;
  readonly buildArgs: Readonly<Record<string, string>>;
}

/** The path that an application's or a deployment's image is given as; null when it is a reference or a name. */
export function imagePathOf({ kind, spec }: Resource): string | null {
  const configuration = kind === "application" ? spec["configuration"] : kind === "deployment" ? spec : null;
  const image = (configuration as SpecObject | null | undefined)?.["image"];
  return typeof image === "string" && /^(?:\.{1,2}(?:\/|$)|\/)/.test(image) ? image : null;
}

/** The resource with the image's name in place of its path. */
export function builtImages(
  resource: Resource,
  path: string,
  folder: string,
): { resource: Resource; image: BuiltImage } {
  const source = imageSource({ image: path });
  if (source.kind !== "build") throw new Error(`${path} is no path`);
  const { name, kind, spec } = resource;
  const configuration = (kind === "application" ? spec["configuration"] : spec) as SpecObject;
  const named = { ...configuration, image: name };
  return {
    resource: { ...resource, spec: kind === "application" ? { ...spec, configuration: named } : named },
    image: {
      name,
      dockerfile: resolve(folder, source.dockerfile),
      context: resolve(folder, source.context),
      buildArgs: source.buildArgs,
    },
  };
}
