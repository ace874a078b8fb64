/**
 * The peer: the least that a Worker with one Durable Object can do for a write and a read. No token, no validation, no
 * audit: one call, one row.
 */
import { DurableObject } from "cloudflare:workers";

export class Store extends DurableObject {
  readonly #sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState<{}>, env: Env) {
    super(ctx, env);
    this.#sql.exec("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  }

  write(body: string): number {
    return this.#sql.exec<{ id: number }>("INSERT INTO items (body) VALUES (?) RETURNING id", body).one().id;
  }

  read(): { id: number; body: string } | null {
    return (
      this.#sql.exec<{ id: number; body: string }>("SELECT * FROM items ORDER BY id DESC LIMIT 1").toArray()[0] ?? null
    );
  }
}

interface PeerEnv {
  readonly STORE: DurableObjectNamespace<Store>;
}

export default {
  async fetch(request, env) {
    const store = env.STORE.getByName("one");
    if (request.method === "GET") return Response.json(await store.read());
    return Response.json({ id: await store.write(await request.text()) });
  },
} satisfies ExportedHandler<PeerEnv>;
