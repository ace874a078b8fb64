/**
 * An R2 bucket for a developer's machine, which wrangler loads as a plugin of its local platform. wrangler's own bucket
 * takes a processor 6 s to store 500 MB, since it handles each 4 KiB of it in JavaScript; a registry of images pushes such
 * layers at every turn. The Worker sees the same: a native R2 binding, whose requests end here.
 *
 * It has what the registry and the samples ask of a bucket: head, get, put with metadata and a verified SHA-256, delete
 * and list. Everything else is refused.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import * as z from "zod";

const PLUGIN = "gantry-local-bucket";
const TYPE = "local_bucket";
const WORKER = join(import.meta.dirname, "worker/worker.ts");

const bucketBinding = z.object({
  type: z.literal(`unsafe:${TYPE}`),
  dev: z.object({ options: z.object({ directory: z.string() }) }),
});

/** For `bindings` of wrangler's `startWorker`, in place of the binding of that name in wrangler.jsonc. */
export function localBucket(directory: string) {
  return {
    type: `unsafe_${TYPE}`,
    dev: { plugin: { package: import.meta.filename, name: PLUGIN }, options: { directory } },
  } as const;
}

/** What wrangler gives to plugins, as far as it is used here. */
interface PluginOptions {
  readonly config: { readonly env?: Readonly<Record<string, unknown>> };
}

export const plugins = {
  [PLUGIN]: {
    bindingTypeDescription: "Local bucket",
    getBindings: (options: PluginOptions) =>
      directoriesOf(options).map(([name]) => ({ name, r2Bucket: { name: serviceOf(name) } })),
    getNodeBindings: () => ({}),
    async getServices({ options }: { readonly options: PluginOptions }) {
      const services = directoriesOf(options).map(([name, directory]) => servicesOf(name, directory));
      return (await Promise.all(services)).flat();
    },
  },
};

function directoriesOf({ config }: PluginOptions): readonly (readonly [string, string])[] {
  return Object.entries(config.env ?? {}).flatMap(([name, raw]) => {
    const binding = bucketBinding.safeParse(raw);
    return binding.success ? [[name, binding.data.dev.options.directory] as const] : [];
  });
}

const serviceOf = (name: string) => `${PLUGIN}:${name}`;

async function servicesOf(name: string, directory: string) {
  const [index, files] = [`${serviceOf(name)}:index`, `${serviceOf(name)}:files`];
  const disk = async (part: string) => {
    const path = join(directory, part);
    await mkdir(path, { recursive: true });
    return { path, writable: true };
  };
  const worker = {
    compatibilityDate: "2026-11-01",
    modules: [{ name: "worker.js", esModule: await bundle() }],
    bindings: [
      { name: "BUCKET", durableObjectNamespace: { className: "Bucket" } },
      { name: "FILES", service: { name: files } },
    ],
    durableObjectNamespaces: [{ className: "Bucket", uniqueKey: PLUGIN, enableSql: true }],
    durableObjectStorage: { localDisk: index },
  };
  return [
    { name: index, disk: await disk("index") },
    { name: files, disk: await disk("files") },
    { name: serviceOf(name), worker },
  ];
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [WORKER],
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*"],
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}
