/**
 * Makes sure that `node:24-slim` can be built upon. Where it is neither here nor pullable, a stand-in is made from
 * this machine's files and takes its name. `prepare.ts` calls it; the sidecar's image builds on the same stand-in.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describeSources, findNodeBinary, layOut } from "./base-tree.ts";
import { ensureBusybox } from "./busybox.ts";
import { dropImage, findImage, sendFolder, tagImage, tryPull } from "./docker-api.ts";

export const NODE_IMAGE = "node:24-slim";
export const STAND_IN_LABEL = "dev.gantry.stand-in";
export const DIGEST_LABEL = "dev.gantry.inputs";
const STAND_IN = { repo: "gantry-stand-in/base", tag: "latest" };
/** How long a pull may say nothing before the machine counts as offline. */
export const PULL_SILENCE_MS = 5000;

export interface ImageOptions {
  readonly socket: string;
  readonly projectDir: string;
  readonly stateDir: string;
  readonly log: (line: string) => void;
}

/** Returns true where the stand-in has the name. */
export async function ensureNodeImage(options: ImageOptions): Promise<boolean> {
  const { socket, log } = options;
  const present = await findImage(socket, NODE_IMAGE);
  if (present !== undefined && present.labels[STAND_IN_LABEL] === undefined) return false;
  if (present === undefined) {
    log(`Pulling ${NODE_IMAGE}`);
    if (await tryPull(socket, NODE_IMAGE, PULL_SILENCE_MS)) return false;
  }
  const reference = await ensureStandInBase(options);
  const base = await findImage(socket, reference);
  if (base?.id !== present?.id) await tagImage(socket, reference, "node", "24-slim");
  if (present !== undefined && base?.id !== present.id) await dropImage(socket, present.id);
  return true;
}

/** The stand-in under its own name, made when it is not here or was made from other files. Returns its name. */
export async function ensureStandInBase(options: ImageOptions): Promise<string> {
  const { socket, projectDir, stateDir, log } = options;
  const reference = `${STAND_IN.repo}:${STAND_IN.tag}`;
  if (process.platform !== "linux") {
    throw new Error(
      `${NODE_IMAGE} is not here and cannot be pulled: go online once and run docker pull ${NODE_IMAGE}.`,
    );
  }
  const node = findNodeBinary(projectDir);
  const digest = createHash("sha256")
    .update(await describeSources(node))
    .digest("hex");
  const present = await findImage(socket, reference);
  if (present?.labels[DIGEST_LABEL] === digest) return reference;
  const busybox = await ensureBusybox(stateDir, log);
  log(`Building a stand-in for ${NODE_IMAGE} from this machine's files`);
  const tree = join(stateDir, `base-${randomUUID()}`);
  try {
    await mkdir(tree, { recursive: true });
    await layOut(tree, { node, busybox });
    await importTree(socket, tree, [
      `LABEL ${STAND_IN_LABEL}=true`,
      `LABEL ${DIGEST_LABEL}=${digest}`,
      "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      `ENV NODE_VERSION=${process.versions.node}`,
      'CMD ["node"]',
    ]);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
  return reference;
}

async function importTree(socket: string, tree: string, changes: readonly string[]): Promise<void> {
  const query = new URLSearchParams({ fromSrc: "-", repo: STAND_IN.repo, tag: STAND_IN.tag });
  for (const change of changes) query.append("changes", change);
  await sendFolder({ socketPath: socket, path: `/images/create?${query.toString()}`, folder: tree });
}
