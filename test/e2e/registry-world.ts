/** What the tests of registry clients work on: credentials of a control plane's registry, and a folder for their files. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ACCOUNT_ID, type ControlPlane } from "./control-plane.ts";
import { digestOf } from "./oci-layout.ts";
import type { RegistryUser } from "./registry-tools.ts";
import { skopeo } from "./registry-tools.ts";

export interface RegistryWorld {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly user: RegistryUser;
  readonly folder: string;
  /** skopeo's name of an image of it. */
  image(repository: string, tag?: string): string;
  /** The digest of the manifest, or of the index, that a tag names. */
  digest(repository: string, tag: string): Promise<string>;
  remove(): Promise<void>;
}

export async function registryWorld(plane: ControlPlane, domain = "registry.cloudflare.com"): Promise<RegistryWorld> {
  const { result, errors } = await plane.call("POST", `/registries/${domain}/credentials`, {
    expiration_minutes: 60,
    permissions: ["push", "pull", "list"],
  });
  if (result === null) throw new Error(`no credentials: ${JSON.stringify(errors)}`);
  const user: RegistryUser = { user: result.username, password: result.password };
  const { host } = new URL(plane.origin);
  const folder = await mkdtemp(join(tmpdir(), "registry-clients-"));
  const image = (repository: string, tag?: string) =>
    `docker://${host}/${ACCOUNT_ID}/${repository}${tag === undefined ? "" : `:${tag}`}`;
  return {
    host,
    user,
    folder,
    image,
    digest: async (repository, tag) => {
      const creds = `--creds=${user.user}:${user.password}`;
      const raw = await skopeo("inspect", "--raw", "--tls-verify=false", creds, image(repository, tag));
      return digestOf(Buffer.from(raw));
    },
    remove: async () => await rm(folder, { recursive: true, force: true }),
  };
}
