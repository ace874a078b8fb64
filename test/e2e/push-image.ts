/** Images of the engine, in a registry. */
import { registryTools, skopeo } from "./registry-tools.ts";

/** As `skopeo` does it. `credentials`: `user:password`. */
export async function pushWithSkopeo(image: string, target: string, credentials?: string): Promise<void> {
  await registryTools();
  const login = credentials === undefined ? [] : ["--dest-creds", credentials];
  const source = ["--src-daemon-host", process.env["DOCKER_HOST"] ?? ""];
  await skopeo("copy", ...source, "--dest-tls-verify=false", ...login, `docker-daemon:${image}`, `docker://${target}`);
}
