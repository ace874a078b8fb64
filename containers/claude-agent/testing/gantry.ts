/**
 * What an instance finds at `control.` and `kv.gantry.internal`, for tests of what happens when it fails; the real ones are
 * in test/e2e.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export class Gantry {
  /** Of the instance; null: a member of the pool. */
  name: string | null = "ada";
  hasKey = true;
  /** What KV answers in place of itself: a status, with the code where Gantry has one. */
  kvFails: { readonly status: number; readonly code?: string } | null = null;
  isControlDown = false;
  readonly values = new Map<string, string>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const send = (status: number, body: string, code?: string) => {
        response.writeHead(status, code === undefined ? {} : { "gantry-error": code }).end(body);
      };
      const path = request.url ?? "/";
      if (!path.startsWith("/kv/")) {
        if (this.isControlDown) return send(500, "down");
        const credential = { hosts: ["localhost"], header: "authorization", available: this.hasKey };
        const result = path === "/identity" ? { name: this.name } : [credential];
        return send(200, JSON.stringify({ result }));
      }
      if (this.kvFails !== null) return send(this.kvFails.status, "{}", this.kvFails.code);
      const value = this.values.get(path);
      if (request.method === "GET") {
        return value === undefined ? send(404, "{}", "KEY_NOT_FOUND") : send(200, value);
      }
      void text(request).then((body) => {
        this.values.set(path, body);
        send(204, "");
      });
    });
  }

  /** For an instance that is in it. */
  async start(): Promise<Record<string, string>> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return {
      GANTRY_APPLICATION: "claude-agent",
      GANTRY_INSTANCE: "claude-agent-0",
      AGENT_CONTROL_URL: url,
      AGENT_HISTORY_URL: `${url}/kv`,
    };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
