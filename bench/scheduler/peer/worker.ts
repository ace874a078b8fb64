/**
 * The peer: the least that one Durable Object can do that brings a number of others to life. Each is called once, writes
 * one row, and calls back once; the one writes a row when it calls and one when it hears. No plan, no check, no event.
 */
import { DurableObject } from "cloudflare:workers";

/** Calls under way at one time: more make it no faster. */
const AT_ONCE = 64;

interface PeerEnv {
  readonly HUB: DurableObjectNamespace<Hub>;
  readonly MEMBER: DurableObjectNamespace<Member>;
}

export class Hub extends DurableObject<PeerEnv> {
  readonly #sql = this.ctx.storage.sql;
  #missing = 0;
  #onComplete: () => void = () => undefined;

  constructor(ctx: DurableObjectState<{}>, env: PeerEnv) {
    super(ctx, env);
    this.#sql.exec("CREATE TABLE IF NOT EXISTS members (id TEXT PRIMARY KEY, ready INTEGER NOT NULL) WITHOUT ROWID");
  }

  /** Resolves when all have called back. */
  async start(count: number): Promise<void> {
    const hub = this.ctx.id.name ?? "";
    const complete = new Promise<void>((resolve) => {
      this.#onComplete = resolve;
    });
    this.#missing = count;
    let next = 0;
    const callAll = async () => {
      while (next < count) {
        const id = `${hub}-${next++}`;
        this.#sql.exec("INSERT INTO members VALUES (?, 0)", id);
        await this.env.MEMBER.getByName(id).launch(hub, id);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, callAll));
    await complete;
  }

  report(id: string): void {
    this.#sql.exec("UPDATE members SET ready = 1 WHERE id = ?", id);
    this.#missing -= 1;
    if (this.#missing === 0) this.#onComplete();
  }
}

export class Member extends DurableObject<PeerEnv> {
  readonly #sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState<{}>, env: PeerEnv) {
    super(ctx, env);
    this.#sql.exec("CREATE TABLE IF NOT EXISTS run (id TEXT PRIMARY KEY) WITHOUT ROWID");
  }

  /** The call back does not hold up the answer. */
  launch(hub: string, id: string): void {
    this.#sql.exec("INSERT INTO run VALUES (?)", id);
    this.ctx.waitUntil(this.env.HUB.getByName(hub).report(id));
  }
}

export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    await env.HUB.getByName(crypto.randomUUID()).start(Number(searchParams.get("count")));
    return new Response("all called back");
  },
} satisfies ExportedHandler<PeerEnv>;
