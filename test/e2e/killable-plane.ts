/**
 * A control plane without containers that dies as in a crash and comes back with what it has stored: workerd, with the
 * objects and the bucket in it, is killed, never asked to stop.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unstable_startWorker as startWorker } from "wrangler";
import { run } from "../../dev/runtime/run.ts";
import { freePort } from "./registry-tools.ts";

const PROJECT_DIR = join(import.meta.dirname, "../..");
const SOURCE = join(PROJECT_DIR, "test/contract/wrangler.jsonc");
const CLASSES = ["Account", "Application", "Instance", "Registry"];

export class KillablePlane {
  readonly origin: URL;
  readonly #folder: string;
  #worker: Awaited<ReturnType<typeof startWorker>> | null = null;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.origin = new URL(`http://127.0.0.1:${port}`);
  }

  /** Bundled once: each start takes what is there. */
  static async create(vars: Readonly<Record<string, string>>): Promise<KillablePlane> {
    process.env["WRANGLER_SEND_METRICS"] = "false";
    const folder = await mkdtemp(join(tmpdir(), "killable-"));
    const wrangler = join(PROJECT_DIR, "node_modules/wrangler/bin/wrangler.js");
    await run(process.execPath, [wrangler, "deploy", "--dry-run", "--outdir", folder, "--config", SOURCE]);
    await writeFile(join(folder, "wrangler.json"), JSON.stringify(configuration(vars)));
    return new KillablePlane(folder, await freePort());
  }

  async start(): Promise<void> {
    const worker = await startWorker({
      config: join(this.#folder, "wrangler.json"),
      dev: {
        server: { hostname: this.origin.hostname, port: Number(this.origin.port) },
        remote: false,
        watch: false,
        inspector: false,
        persist: join(this.#folder, "state"),
        logLevel: "none",
      },
    });
    await worker.ready;
    this.#worker = worker;
  }

  /** How many processes died. */
  async kill(): Promise<number> {
    const pids = await workerdsOf(process.pid);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    // What is left of it is in this process.
    await this.#worker?.dispose().catch(() => undefined);
    this.#worker = null;
    return pids.length;
  }

  async remove(): Promise<void> {
    await this.#worker?.dispose();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function configuration(vars: Readonly<Record<string, string>>) {
  return {
    name: "gantry-killable",
    main: "worker.js",
    no_bundle: true,
    compatibility_date: "2026-11-01",
    compatibility_flags: ["nodejs_compat", "global_fetch_strictly_public"],
    durable_objects: { bindings: CLASSES.map((name) => ({ name: name.toUpperCase(), class_name: name })) },
    r2_buckets: [{ binding: "REGISTRY_BLOBS", bucket_name: "gantry-registry" }],
    migrations: [{ tag: "v1", new_sqlite_classes: CLASSES }],
    vars: {
      GANTRY_ACCOUNT_ID: "00000000000000000000000000000001",
      INGRESS_DOMAIN: "localhost",
      GANTRY_DEFAULT_INGRESS: "public",
      MANAGED_REGISTRY: "registry.cloudflare.com",
      GANTRY_SESSION: "",
      GANTRY_MASTER_KEY: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
      GANTRY_ADMIN_TOKEN: "contract-token",
      ...vars,
    },
  };
}

async function workerdsOf(parent: number): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await readdir("/proc")) {
    const stat = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "") : "";
    const [, name, ppid] = /^\d+ \((.*)\) \S (\d+)/.exec(stat) ?? [];
    if (name === "workerd" && Number(ppid) === parent) found.push(Number(pid));
  }
  return found;
}
