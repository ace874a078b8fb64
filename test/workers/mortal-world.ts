/** An account of its own whose objects die at random while its clients insist, and what must be true of it afterwards. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { QUIET_TIMER, SCALE_TIMER } from "../../src/orchestrator/autoscaling/quiet.ts";
import { parseDeploymentId } from "../../src/orchestrator/deployment-id.ts";
import { Random } from "../simulation/random.ts";
import { freshAccount, type TestAccount } from "./accounts.ts";
import { testEnv, type Envelope, type WireInstance } from "./client.ts";
import { liveContainers } from "./fake-container.ts";
import { adopt, Fate, type Kind } from "./mortality.ts";

const ENDS: ReadonlySet<string> = new Set(["VMStopped", "VMFailed", "VMFailedToStart", "RuntimeStartFailed"]);
/** What is waited for by then without anybody's help; whatever is due later is due from then on. */
export const PATIENCE_MS = 2_500;
const DEADLINE_MS = 25_000;

interface Told {
  readonly name: string;
  readonly deployment_id?: string;
  readonly generation?: number;
  readonly details: Record<string, unknown>;
}

export class World {
  readonly account: TestAccount;
  readonly fate: Fate;
  readonly #random: Random;
  /** More containers than this never live at a time. */
  most = Number.POSITIVE_INFINITY;
  /** What was broken on the way. */
  readonly broken = new Set<string>();
  /** Nothing came of itself any more: what was to be done later was done at once. */
  rings = 0;

  private constructor(account: TestAccount, random: Random) {
    this.account = account;
    this.#random = random;
    this.fate = new Fate(random.stream("deaths"), random.between(1, 8));
  }

  static async make(seed: number, name: string): Promise<World> {
    return new World(await freshAccount(), new Random(seed).stream(name));
  }

  /** From now on its objects die. */
  arm(...applications: readonly string[]): void {
    adopt("ACCOUNT", this.account.id, this.fate);
    for (const id of applications) adopt("APPLICATION", id, this.fate);
  }

  /** Of a world that began without dying: nothing is known yet of its objects. */
  async create(body: Record<string, unknown>): Promise<string> {
    const { status, result, errors } = await this.account.create(body);
    if (status !== 201) throw new Error(JSON.stringify(errors));
    await this.account.ready(result.id, result.instances);
    return result.id;
  }

  /** A client that tries again, with the same key, until it is heard. */
  async insist(method: string, path: string, body?: unknown): Promise<Envelope & { status: number }> {
    const headers = method === "GET" ? {} : { "idempotency-key": crypto.randomUUID() };
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      const answer = await this.#try(method, path, body, headers);
      if (answer !== null && answer.status < 400) return answer;
      const why = answer === null ? "no answer" : `${answer.status} ${JSON.stringify(answer.errors)}`;
      const mayRetry = answer === null || answer.status >= 500 || answer.errors[0]?.retryable === true;
      if (!mayRetry || Date.now() > deadline) throw new Error(`${method} ${path}: ${why}\n${this.story()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #try(method: string, path: string, body: unknown, headers: Record<string, string>) {
    try {
      const response = await this.account.raw(method, path, body, headers);
      return { ...(await response.json<Envelope>()), status: response.status };
    } catch {
      return null;
    }
  }

  async view(id: string) {
    return (await this.insist("GET", `/applications/${id}`)).result;
  }

  async instances(id: string): Promise<WireInstance[]> {
    return (await this.insist("GET", `/applications/${id}/instances-v2`)).result;
  }

  async me() {
    return (await this.insist("GET", "/me")).result;
  }

  /** Of which application a container lives here, with the generation that it was started as. */
  live(id: string): { deployment: string; generation: number }[] {
    return liveContainers().flatMap((container) => {
      const { labels = {} } = container.starts.at(-1) ?? {};
      const deployment = labels["gantry.dep"] ?? "";
      if (parseDeploymentId(deployment)?.applicationId !== id) return [];
      return [{ deployment, generation: Number(labels["gantry.gen"]) }];
    });
  }

  /** Asked until it is true, first while objects go on dying, then in peace. */
  async until(what: string, isSo: () => Promise<boolean>, ids: readonly string[] = []): Promise<void> {
    const since = Date.now();
    for (;;) {
      for (const id of ids) this.#count(id);
      const isTrue = await isSo().catch((error: unknown) => {
        if (!this.fate.isOver) return false;
        throw error;
      });
      if (isTrue && this.fate.isOver) return;
      // There is nothing left to die of.
      if (isTrue && !this.#random.chance(0.8)) this.fate.end();
      const passed = Date.now() - since;
      if (passed > DEADLINE_MS) throw new Error(`${what}: it did not come to that\n${await this.#state(ids)}`);
      if (passed > PATIENCE_MS) {
        this.fate.end();
        this.rings += 1;
        await this.ring();
      } else if (!this.fate.isOver && this.#random.chance(0.15)) await this.#dropOne();
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }

  #count(id: string): void {
    const live = this.live(id);
    if (live.length > this.most) this.broken.add(`${live.length} live at a time, and ${this.most} may`);
  }

  /** At no point of what it does, as the host of an idle one may. */
  async #dropOne(): Promise<void> {
    const [key, ...others] = this.fate.objects;
    if (key === undefined) return;
    const victim = this.#random.pick([key, ...others]);
    this.fate.log.push(`${victim} dropped`);
    await runInDurableObject(stubOf(victim), (_, state: DurableObjectState) => state.abort("died in a test")).catch(
      () => undefined,
    );
  }

  /** What the ledger holds when the writes that nobody saw the end of are looked at again. */
  async held(): Promise<number> {
    await runInDurableObject(stubOf(`ACCOUNT/${this.account.id}`), (_, { storage }: DurableObjectState) => {
      storage.sql.exec("UPDATE ledger SET open_since = 1 WHERE open_since IS NOT NULL");
    });
    return (await this.me()).usage.instances;
  }

  /** Whatever its objects wait for is due now, but for a look at the load, which remembers when it is to be. */
  async ring(): Promise<void> {
    for (const key of this.fate.objects) {
      await runInDurableObject(stubOf(key), (_, { storage }: DurableObjectState) => {
        if (hasTable(storage, "timers"))
          storage.sql.exec("UPDATE timers SET due_at = 1 WHERE key NOT IN (?, ?)", SCALE_TIMER, QUIET_TIMER);
      }).catch(() => undefined);
      await runDurableObjectAlarm(stubOf(key)).catch(() => undefined);
    }
  }

  /** The containers that live are the instances that the API shows as running, each once. */
  async agrees(id: string): Promise<string | null> {
    const instances = await this.instances(id);
    const shown = instances
      .filter(({ status }) => status.state === "running")
      .map(({ deployment_id: deployment, generation }) => `${deployment} ${generation}`);
    const live = this.live(id).map(({ deployment, generation }) => `${deployment} ${generation}`);
    return same(shown, live) ? null : `shown ${JSON.stringify(shown)}, live ${JSON.stringify(live)}`;
  }

  /** Each placement was told once, and ended once unless it is the one that lives. */
  async miscounted(id: string): Promise<string[]> {
    const { result } = await this.insist("GET", `/applications/${id}/events?per_page=1000`);
    const told: readonly Told[] = result;
    const count = (isMeant: (name: string) => boolean) => {
      const counts = new Map<string, number>();
      for (const { name, deployment_id: deployment, generation } of told) {
        if (!isMeant(name)) continue;
        const placement = `${deployment} ${generation}`;
        counts.set(placement, (counts.get(placement) ?? 0) + 1);
      }
      return counts;
    };
    const placed = count((name) => name === "SchedulerPlaced");
    const ended = count((name) => ENDS.has(name));
    const live = new Set(this.live(id).map(({ deployment, generation }) => `${deployment} ${generation}`));
    const wrong: string[] = [];
    for (const [placement, times] of placed) {
      if (times !== 1) wrong.push(`${placement} placed ${times} times`);
      const ends = ended.get(placement) ?? 0;
      if (ends !== (live.has(placement) ? 0 : 1)) wrong.push(`${placement} ended ${ends} times`);
    }
    for (const placement of ended.keys()) if (!placed.has(placement)) wrong.push(`${placement} ended, not placed`);
    return wrong;
  }

  /** Nothing is left of the application: no row, no timer, no container. */
  async isErased(id: string): Promise<boolean> {
    for (const key of this.fate.objects) {
      const [kind, name = ""] = key.split("/");
      const isOwn = name.startsWith(id) || parseDeploymentId(name)?.applicationId === id;
      if (!isOwn) continue;
      const left = await runInDurableObject(stubOf(key), async (_, { storage }: DurableObjectState) => {
        const table = kind === "APPLICATION" ? "application" : "timers";
        const rows = hasTable(storage, table) ? storage.sql.exec(`SELECT * FROM ${table}`).toArray().length : 0;
        return rows + ((await storage.getAlarm()) === null ? 0 : 1);
      }).catch(() => 1);
      if (left > 0) return false;
    }
    return this.live(id).length === 0;
  }

  story(): string {
    return `deaths: ${this.fate.log.join("; ")}`;
  }

  async #state(ids: readonly string[]): Promise<string> {
    const lines = [this.story()];
    for (const id of ids) {
      lines.push(`live ${JSON.stringify(this.live(id))}`);
      lines.push(JSON.stringify(await this.#try("GET", `/applications/${id}`, undefined, {})).slice(0, 2_500));
      const answer = await this.#try("GET", `/applications/${id}/instances-v2`, undefined, {});
      lines.push(JSON.stringify(answer?.result ?? null));
      const events = await this.#try("GET", `/applications/${id}/events?per_page=1000`, undefined, {});
      const told: readonly Told[] = events?.status === 200 ? events.result : [];
      lines.push(
        ...told.map((one) => `${one.name} ${one.deployment_id} ${one.generation} ${JSON.stringify(one.details)}`),
      );
    }
    for (const key of this.fate.objects) {
      const timers = await runInDurableObject(stubOf(key), async (_, { storage }: DurableObjectState) => {
        const rows = hasTable(storage, "timers") ? storage.sql.exec("SELECT * FROM timers").toArray() : [];
        const run = hasTable(storage, "run") ? storage.sql.exec("SELECT * FROM run").toArray() : [];
        return JSON.stringify([rows, await storage.getAlarm(), run]);
      }).catch(String);
      lines.push(`${key} ${timers}`);
    }
    return lines.join("\n");
  }
}

function stubOf(key: string): DurableObjectStub {
  const [kind = "", name = ""] = key.split("/", 1).concat(key.slice(key.indexOf("/") + 1));
  return testEnv[kind as Kind].getByName(name);
}

function hasTable(storage: DurableObjectStorage, name: string): boolean {
  return storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", name).toArray().length > 0;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return JSON.stringify(a.toSorted()) === JSON.stringify(b.toSorted());
}
