/**
 * Lays out the folder that the sidecar's image is built from: the bundles, the certificate authority, the packet
 * filter's program and the Dockerfile.
 */
import { cp, mkdir, realpath, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { addLibraries } from "../base-tree.ts";
import { sharedLibraries } from "../shared-libraries.ts";
import { createAuthority } from "./authority.ts";
import { AUTHORITY_FILES, INGRESS_PORT, SIDECAR_FOLDER } from "./paths.ts";

const IPTABLES_RESTORE = "/usr/sbin/iptables-restore";

export interface ContextOptions {
  readonly base: string;
  readonly labels: Readonly<Record<string, string>>;
}

export async function layOutSidecar(folder: string, { base, labels }: ContextOptions): Promise<void> {
  const root = join(folder, "root");
  await mkdir(join(root, SIDECAR_FOLDER), { recursive: true });
  await bundle("main", root);
  await bundle("tls-termination", root);
  await addAuthority(root);
  await addPacketFilter(root);
  const dockerfile = [
    `FROM ${base}`,
    "COPY root/ /",
    `LABEL ${Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ")}`,
    // workerd connects within milliseconds of the start, and waits a fifth of a second when that is refused. So
    // busybox listens at once, and turns into Node, with the connection on standard input, when workerd comes.
    `ENTRYPOINT ["nc", "-l", "-p", "${INGRESS_PORT}", "-e", "node", "${SIDECAR_FOLDER}/main.cjs"]`,
  ];
  await writeFile(join(folder, "Dockerfile"), dockerfile.join("\n"));
}

async function bundle(name: string, root: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    outfile: join(root, SIDECAR_FOLDER, `${name}.cjs`),
    plugins: [apart],
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    minify: true,
    legalComments: "none",
    logLevel: "error",
  });
}

/** Keeps TLS out of the main bundle, so that its 700 kB are read only by a container that needs them. */
const apart: Plugin = {
  name: "apart",
  setup(builder) {
    builder.onResolve({ filter: /^\.\/tls-termination\.ts$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "./tls-termination.cjs", external: true } : null,
    );
  },
};

/** Readable for all: the sidecar gives up root, and nobody else is in its image. */
async function addAuthority(root: string): Promise<void> {
  const authority = await createAuthority();
  await writeFile(join(root, AUTHORITY_FILES.certificate), authority.certificate);
  await writeFile(join(root, AUTHORITY_FILES.key), authority.key);
  await writeFile(join(root, AUTHORITY_FILES.leafKey), authority.leafKey);
}

/** The machine's own iptables, of the kind its engine uses. Without one the sidecar does with less. */
async function addPacketFilter(root: string): Promise<void> {
  if (!existsSync(IPTABLES_RESTORE)) return;
  const program = await realpath(IPTABLES_RESTORE);
  await mkdir(join(root, "usr/sbin"), { recursive: true });
  await cp(program, join(root, "usr/sbin", basename(program)));
  await symlink(basename(program), join(root, IPTABLES_RESTORE));
  await addLibraries(root, program);
  // Its matches and targets are loaded by name at run time, from beside the library itself, not from a link to it.
  const xtables = (await sharedLibraries(program)).find((path) => path.includes("/libxtables."));
  if (xtables === undefined) return;
  const extensions = join(dirname(await realpath(xtables)), "xtables");
  await cp(extensions, join(root, extensions), { recursive: true });
}
