/** Runs the whole deploy command in a project of its own against the recorded API, for the tests. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { deploy, type Surroundings } from "./command.ts";
import { type Config, parseConfig } from "./config.ts";
import type { Variables } from "./options.ts";
import { RECORDED_ACCOUNT_ID, RECORDED_TOKEN, type RecordedApi } from "./recorded-api.ts";
import type { WranglerDeploy, WranglerResult } from "./wrangler.ts";

/** Every kind of binding that deploy creates something for. */
export const PROJECT = `{
  "name": "gantry",
  "main": "src/index.ts",
  "compatibility_date": "2026-11-01",
  // One of each.
  "r2_buckets": [{ "binding": "REGISTRY", "bucket_name": "gantry-registry" }],
  "kv_namespaces": [{ "binding": "CACHE", "id": "local" }],
  "queues": {
    "producers": [{ "binding": "TASKS", "queue": "gantry-tasks" }],
    "consumers": [{ "queue": "gantry-tasks", "max_retries": 5, "dead_letter_queue": "gantry-tasks-dead" }]
  },
  "durable_objects": { "bindings": [{ "name": "INSTANCE", "class_name": "Instance" }] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Instance"] }],
  "containers": [
    {
      "name": "gantry-instances",
      "class_name": "Instance",
      "scheduling_policy": "durable_object",
      "images": { "hello-world": { "dockerfile": "./containers/hello-world/Dockerfile" } }
    }
  ],
  "vars": { "GANTRY_ACCOUNT_ID": "1", "INGRESS_DOMAIN": "localhost", "GANTRY_DEFAULT_INGRESS": "public" },
  "secrets": { "required": ["GANTRY_ADMIN_TOKEN"] },
}`;

const WORKER = `import { DurableObject } from "cloudflare:workers";
export class Instance extends DurableObject {}
export default { fetch: () => new Response("ok"), queue() {} };
`;

export interface Project {
  readonly root: string;
  /** The configuration that deploy generated for staging. */
  generated(): Promise<Config>;
  remove(): Promise<void>;
}

export async function makeProject(config: string = PROJECT): Promise<Project> {
  const root = await mkdtemp(join(tmpdir(), "gantry-deploy-test-"));
  await mkdir(join(root, "src"));
  await mkdir(join(root, "containers", "hello-world"), { recursive: true });
  await writeFile(join(root, "wrangler.jsonc"), config);
  await writeFile(join(root, "src", "index.ts"), WORKER);
  await writeFile(join(root, "containers", "hello-world", "Dockerfile"), "FROM scratch\n");
  return {
    root,
    generated: async () => parseConfig(await readFile(join(root, "dist", "wrangler.staging.json"), "utf8")),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

export interface Run {
  readonly output: string;
  readonly waited: readonly number[];
  readonly error: unknown;
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly variables?: Variables;
  readonly confirm?: Surroundings["confirm"];
  /** Left out, the project's own wrangler runs. */
  readonly deployWorker?: Surroundings["deployWorker"];
}

export async function runDeploy(project: Project, api: RecordedApi, options: RunOptions = {}): Promise<Run> {
  const lines: string[] = [];
  const waited: number[] = [];
  const around: Surroundings = {
    root: project.root,
    variables: {
      PATH: process.env["PATH"],
      HOME: project.root,
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_LOG: "none",
      CLOUDFLARE_API_TOKEN: RECORDED_TOKEN,
      CLOUDFLARE_ACCOUNT_ID: RECORDED_ACCOUNT_ID,
      CLOUDFLARE_API_BASE_URL: api.baseUrl,
      ...options.variables,
    },
    print: (text) => lines.push(text),
    confirm: options.confirm,
    wait: async (ms) => void waited.push(ms),
    ...(options.deployWorker === undefined ? {} : { deployWorker: options.deployWorker }),
  };
  const args = options.args ?? ["--env", "staging", "--yes", "--containers-rollout", "none"];
  const error: unknown = await deploy(args, around).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { output: lines.join("\n"), waited, error };
}

/** Stands for wrangler where a test is about what deploy does around it: stores the secrets as an upload would. */
export function pretendWrangler(api: RecordedApi, result: WranglerResult = DEPLOYED) {
  return async ({ secretsFile }: WranglerDeploy): Promise<WranglerResult> => {
    const script = (api.account.scripts["gantry-staging"] ??= { secrets: [] });
    const given = secretsFile === undefined ? {} : JSON.parse(await readFile(secretsFile, "utf8"));
    const names = Object.keys(z.record(z.string(), z.string()).parse(given));
    script.secrets.push(...names.map((name) => ({ name, type: "secret_text" })));
    return result;
  };
}

const DEPLOYED: WranglerResult = {
  ok: true,
  versionId: "9f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0",
  targets: ["gantry-staging.example.workers.dev"],
};
