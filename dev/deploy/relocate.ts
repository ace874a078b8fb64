/**
 * Moves a configuration to another folder: wrangler resolves every path in it against the file that it is read from,
 * and the generated file lies in dist/. Pure.
 */
import { isAbsolute, join, relative } from "node:path";
import type { Config, Container } from "./config.ts";

export function relocateConfig(config: Config, from: string, to: string): Config {
  const move = (path: string) => (isAbsolute(path) ? path : posix(relative(to, join(from, path))));
  const moved: Config = { ...config };
  if (config.main !== undefined) moved.main = move(config.main);
  if (config.tsconfig !== undefined) moved.tsconfig = move(config.tsconfig);
  if (config.base_dir !== undefined) moved.base_dir = move(config.base_dir);
  if (config.assets?.directory !== undefined) {
    moved.assets = { ...config.assets, directory: move(config.assets.directory) };
  }
  if (config.build !== undefined) {
    const watched = config.build.watch_dir;
    moved.build = {
      ...config.build,
      // Without one, wrangler runs the build where it was started, which stays the same folder.
      ...(config.build.cwd === undefined ? {} : { cwd: move(config.build.cwd) }),
      ...(watched === undefined ? {} : { watch_dir: Array.isArray(watched) ? watched.map(move) : move(watched) }),
    };
  }
  if (config.containers !== undefined) {
    moved.containers = config.containers.map((container) => relocateContainer(container, move));
  }
  return moved;
}

function relocateContainer(container: Container, move: (path: string) => string): Container {
  const moved: Container = { ...container };
  if (container.image !== undefined && isPath(container.image)) moved.image = move(container.image);
  if (container.image_build_context !== undefined) moved.image_build_context = move(container.image_build_context);
  if (container.images !== undefined) {
    moved.images = Object.fromEntries(
      Object.entries(container.images).map(([name, image]) => [
        name,
        {
          ...image,
          ...(image.dockerfile === undefined ? {} : { dockerfile: move(image.dockerfile) }),
          ...(image.build_context === undefined ? {} : { build_context: move(image.build_context) }),
        },
      ]),
    );
  }
  return moved;
}

/** `image` holds a Dockerfile's path or a registry reference; a reference never begins like a path. */
function isPath(image: string): boolean {
  return image.startsWith(".") || image.startsWith("/") || /(^|\/)Dockerfile[^/:@]*$/.test(image);
}

/** Whether deploying this configuration builds an image, which takes a Docker engine. */
export function buildsImages(config: Config): boolean {
  return (config.containers ?? []).some(
    ({ image, images }) =>
      (image !== undefined && isPath(image)) ||
      Object.values(images ?? {}).some(({ dockerfile }) => dockerfile !== undefined),
  );
}

function posix(path: string): string {
  return path.replaceAll("\\", "/");
}
