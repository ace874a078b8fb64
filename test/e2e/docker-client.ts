/** The Docker CLI with an engine, logged in where a test says so and nowhere else. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { OciLayout } from "./oci-layout.ts";
import { skopeo } from "./registry-tools.ts";

export interface RanDocker {
  readonly code: number;
  readonly output: string;
}

export class DockerClient {
  readonly #folder: string;

  /** `folder`: of its configuration and its archives. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Not the stand-in that tests have in their PATH, which does not ask registries for what the engine has. */
  async try(args: readonly string[], stdin = ""): Promise<RanDocker> {
    const program = process.env["GANTRY_DOCKER_CLI"] ?? "docker";
    const child = spawn(program, args, { env: { ...process.env, DOCKER_CONFIG: join(this.#folder, "docker") } });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stdin.end(stdin);
    const [code] = await once(child, "close");
    return { code, output };
  }

  async run(...args: readonly string[]): Promise<string> {
    const { code, output } = await this.try(args);
    if (code !== 0) throw new Error(`docker ${args[0]} ended with ${code}: ${output}`);
    return output.trim();
  }

  async login(host: string, user: string, password: string): Promise<RanDocker> {
    return await this.try(["login", host, "--username", user, "--password-stdin"], password);
  }

  /** Gives the engine an image of some layers under a name. Its id. */
  async loadImage(name: string): Promise<string> {
    const layout = await OciLayout.create(join(this.#folder, name.replaceAll(/[^a-z0-9]/g, "-")));
    await layout.tag(await layout.image([{ files: ["a"] }, { files: ["b", "c"], size: 50_000 }]), "it");
    const archive = `${layout.folder}.tar`;
    await skopeo("copy", layout.at("it"), `docker-archive:${archive}:${name}`);
    await this.run("load", "--input", archive);
    return await this.imageId(name);
  }

  async imageId(name: string): Promise<string> {
    return await this.run("image", "inspect", "--format", "{{.Id}}", name);
  }

  /** As registries name it: `<repository>@<digest>`. */
  async repoDigests(name: string): Promise<string[]> {
    return JSON.parse(await this.run("image", "inspect", "--format", "{{json .RepoDigests}}", name));
  }
}

/** What `docker push` says at its end. */
export function pushedDigest(output: string): string {
  return /digest: (sha256:[0-9a-f]{64})/.exec(output)?.[1] ?? "";
}
