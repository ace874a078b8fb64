/** Where the image of a definition comes from: built from a Dockerfile, pulled, or declared with the control plane. */
import type { ContainerDefinition } from "./config.ts";

export type ImageSource =
  /** Built at deploy: the entry of `images` in the control plane's wrangler.jsonc. */
  | {
      readonly kind: "build";
      readonly dockerfile: string;
      readonly context: string;
      readonly buildArgs: Readonly<Record<string, string>>;
    }
  | { readonly kind: "registry"; readonly reference: string }
  | { readonly kind: "named"; readonly name: string };

/** `Dockerfile`, `Dockerfile.dev`, `dev.Dockerfile`; every other path is a folder with a `Dockerfile`. */
const DOCKERFILE = /(?:^|\/)(?:Dockerfile(?:\.[^/]+)?|[^/]+\.Dockerfile)$/;

export function imageSource({ image, buildArgs = {} }: Pick<ContainerDefinition, "image" | "buildArgs">): ImageSource {
  if (typeof image !== "string") {
    return "registry" in image ? { kind: "registry", reference: image.registry } : { kind: "named", name: image.name };
  }
  const path = image.replace(/(?<=[^/])\/+$/, "");
  if (!DOCKERFILE.test(path)) {
    return { kind: "build", dockerfile: path === "/" ? "/Dockerfile" : `${path}/Dockerfile`, context: path, buildArgs };
  }
  const slash = path.lastIndexOf("/");
  const context = slash === 0 ? "/" : path.slice(0, slash);
  return { kind: "build", dockerfile: path, context, buildArgs };
}
