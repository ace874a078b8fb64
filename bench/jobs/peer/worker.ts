/**
 * The peer: the least that Durable Objects can do that run a number of tasks, so many at a time. One writes a row for each
 * task and calls a member, which writes a row, calls back, and is called again; the one writes that it is done. No plan, no
 * image, no exit code, no output, no event.
 */
import { DurableObject } from "cloudflare:workers";

interface PeerEnv {
  readonly HUB: DurableObjectNamespace<Hub>;
  readonly MEMBER: DurableObjectNamespace<Member>;
}

export class Hub extends DurableObject<PeerEnv> {
  readonly #sql = this.ctx.storage.sql;
  readonly #running = new Map<number, () => void>();

  constructor(ctx: DurableObjectState<{}>, env: PeerEnv) {
    super(ctx, env);
    this.#sql.exec("CREATE TABLE IF NOT EXISTS tasks (number INTEGER PRIMARY KEY, ended INTEGER NOT NULL)");
  }

  /** Resolves when all are done. */
  async run(count: number, atOnce: number): Promise<void> {
    const hub = this.ctx.id.name ?? "";
    let next = 0;
    const work = async (_: unknown, slot: number) => {
      const member = this.env.MEMBER.getByName(`${hub}-${slot}`);
      while (next < count) {
        const number = next++;
        this.#sql.exec("INSERT INTO tasks VALUES (?, 0)", number);
        const done = new Promise<void>((resolve) => this.#running.set(number, resolve));
        await member.begin(hub, number);
        await done;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }

  report(number: number): void {
    this.#sql.exec("UPDATE tasks SET ended = 1 WHERE number = ?", number);
    this.#running.get(number)?.();
    this.#running.delete(number);
  }
}

export class Member extends DurableObject<PeerEnv> {
  readonly #sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState<{}>, env: PeerEnv) {
    super(ctx, env);
    this.#sql.exec("CREATE TABLE IF NOT EXISTS run (id INTEGER PRIMARY KEY, number INTEGER NOT NULL)");
  }

  /** The call back does not hold up the answer. */
  begin(hub: string, number: number): void {
    this.#sql.exec("INSERT INTO run VALUES (1, ?) ON CONFLICT DO UPDATE SET number = excluded.number", number);
    this.ctx.waitUntil(this.env.HUB.getByName(hub).report(number));
  }
}

export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    const [count, atOnce] = [Number(searchParams.get("count")), Number(searchParams.get("at_once"))];
    await env.HUB.getByName(crypto.randomUUID()).run(count, atOnce);
    return new Response("all done");
  },
} satisfies ExportedHandler<PeerEnv>;
