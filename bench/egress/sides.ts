/** One container on each side, told from outside what to ask of the upstream, and how often. */
import { setTimeout as sleep } from "node:timers/promises";
import { Client, expectOk, type Answer, type Target } from "../proxy/http-client.ts";

export type SideName = "ours" | "bare" | "stock";

export interface Side {
  readonly name: SideName;
  /** A path of the container. */
  ask(path: string): Promise<Answer>;
  close(): void;
}

export class PeerSide implements Side {
  readonly name: "bare" | "stock";
  readonly #port: number;
  readonly #client = new Client();

  constructor(name: "bare" | "stock", port: number) {
    this.name = name;
    this.#port = port;
  }

  async ask(path: string): Promise<Answer> {
    const host = `127.0.0.1:${this.#port}`;
    return await expectOk(this.#client, { port: this.#port, path: `/${this.name}${path}`, host });
  }

  close(): void {
    this.#client.close();
  }
}

const API = "/client/v4/accounts/00000000000000000000000000000001/containers";
const TOKEN = "bench-token";
const NAME = "egress";
const RULES = 100;
const READY_MS = 60_000;
const POLL_MS = 100;

/** Under a policy of so many rules, with a credential for the host that is asked. */
export class GantrySide implements Side {
  readonly name = "ours";
  readonly #port: number;
  readonly #client = new Client();

  constructor(port: number) {
    this.#port = port;
  }

  async create(host: string, credential: { readonly header: string; readonly value: string }): Promise<void> {
    await this.#api("POST", "/secrets", { name: "bench-key", value: credential.value });
    const others = Array.from({ length: RULES - 1 }, (_, index) => `*.host-${index}.example.net`);
    const egress = {
      allow: [...others, host],
      credentials: [{ hosts: [host], header: credential.header, secret: "bench-key" }],
    };
    const configuration = { image: "behaves", instance_type: "lite" };
    const { id } = await this.#api("POST", "/applications", { name: NAME, instances: 1, configuration, egress });
    const deadline = Date.now() + READY_MS;
    for (;;) {
      const [one] = await this.#api("GET", `/applications/${id}/instances-v2`);
      if (one?.ready === true) return;
      if (Date.now() > deadline) throw new Error(`the instance is not ready: ${JSON.stringify(one)}`);
      await sleep(POLL_MS);
    }
  }

  async ask(path: string): Promise<Answer> {
    return await expectOk(this.#client, { port: this.#port, path, host: `${NAME}.localhost:${this.#port}` });
  }

  close(): void {
    this.#client.close();
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- the API's answers are what its own tests are about
  async #api(method: string, path: string, body?: unknown): Promise<any> {
    const target: Target = { port: this.#port, path: `${API}${path}`, host: `127.0.0.1:${this.#port}` };
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return JSON.parse((await expectOk(this.#client, target, { method, headers, ...sent })).body).result;
  }
}
