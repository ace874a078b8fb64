/** The two things that are compared, behind one interface: a request from cold, a warm target, a stop. */
import { setTimeout as sleep } from "node:timers/promises";
import { Client, expectOk, type Answer, type Target } from "./http-client.ts";

export interface Side {
  readonly name: "ours" | "stock";
  /** From nothing running to the first answer, in milliseconds. */
  coldRequest(): Promise<number>;
  /** Begins the stop of what `coldRequest` started. */
  stop(): Promise<void>;
  /** Makes one instance ready and says where it answers. */
  warmUp(): Promise<Target>;
  close(): void;
}

/** How another Worker calls. */
export type Way = "binding" | "sdk";

const PATH = "/json";

export class StockSide implements Side {
  readonly name = "stock";
  readonly #port: number;
  readonly #client = new Client();
  #count = 0;

  constructor(port: number) {
    this.#port = port;
  }

  async coldRequest(): Promise<number> {
    this.#count += 1;
    const startedAt = performance.now();
    await expectOk(this.#client, this.#target(PATH));
    return performance.now() - startedAt;
  }

  async stop(): Promise<void> {
    await expectOk(this.#client, this.#target("/__bench/destroy"));
  }

  async warmUp(): Promise<Target> {
    await this.coldRequest();
    return this.#target(PATH);
  }

  close(): void {
    this.#client.close();
  }

  #target(path: string): Target {
    return { port: this.#port, path: `${path}?instance=${this.#count}`, host: `stock.localhost:${this.#port}` };
  }
}

/**
 * Entities that another Worker calls, which has the same address on both sides: its binding leads to Gantry's entrypoint,
 * or to the Worker that has the stock class.
 */
export class EntitySide implements Side {
  readonly name: Side["name"];
  readonly #port: number;
  readonly #way: Way;
  readonly #client = new Client();
  #count = 0;

  constructor(name: Side["name"], port: number, way: Way) {
    this.name = name;
    this.#port = port;
    this.#way = way;
  }

  async coldRequest(): Promise<number> {
    this.#count += 1;
    const startedAt = performance.now();
    await expectOk(this.#client, this.#target());
    return performance.now() - startedAt;
  }

  async stop(): Promise<void> {
    await expectOk(this.#client, { ...this.#target(), path: `/destroy/${this.#entity()}` });
  }

  async warmUp(): Promise<Target> {
    await this.coldRequest();
    return this.#target();
  }

  close(): void {
    this.#client.close();
  }

  #entity(): string {
    return `${this.#way}-${this.#count}`;
  }

  #target(): Target {
    const path = `/${this.#way}/${this.#entity()}${PATH}`;
    return { port: this.#port, path, host: `caller.localhost:${this.#port}` };
  }
}

const APPLICATIONS = "/client/v4/accounts/00000000000000000000000000000001/containers/applications";
const TOKEN = "bench-token";
const NAME = "bench";
/** Called by other Workers, by entity. */
const ENTITIES = "entities";
const RETRY_MS = 2;

export class GantrySide implements Side {
  readonly name = "ours";
  readonly #port: number;
  readonly #control = new Client();
  readonly #ingress = new Client();
  #id = "";

  constructor(port: number) {
    this.#port = port;
  }

  /** Applications of no instances, with the readiness check that a user would write. */
  async create(): Promise<void> {
    const configuration = {
      image: "hello-world",
      instance_type: "lite",
      ports: [{ name: "http", port: 8080 }],
      checks: [{ type: "http", kind: "ready", port: "http", http: { path: "/health" } }],
    };
    await this.#api("POST", APPLICATIONS, { name: ENTITIES, instances: 0, named_instances: 10, configuration });
    const { body } = await this.#api("POST", APPLICATIONS, { name: NAME, instances: 0, configuration });
    const { result } = JSON.parse(body) as { result: { id: string } };
    this.#id = result.id;
  }

  /** The scale-up and the request leave together; the request waits in Gantry's queue. */
  async coldRequest(): Promise<number> {
    const startedAt = performance.now();
    const scaled = this.#scale(1);
    await this.#firstAnswer();
    const elapsed = performance.now() - startedAt;
    await scaled;
    return elapsed;
  }

  async stop(): Promise<void> {
    await this.#scale(0);
  }

  async warmUp(): Promise<Target> {
    await this.coldRequest();
    return this.#ingressTarget();
  }

  close(): void {
    this.#control.close();
    this.#ingress.close();
  }

  /** A request that overtakes the scale-up is told so and comes back, which is part of what is measured. */
  async #firstAnswer(): Promise<void> {
    for (;;) {
      const answer = await this.#ingress.call(this.#ingressTarget());
      if (answer.status === 200) return;
      if (!answer.body.includes("SCALED_TO_ZERO")) throw new Error(`ingress answered ${answer.status}: ${answer.body}`);
      await sleep(RETRY_MS);
    }
  }

  #ingressTarget(): Target {
    return { port: this.#port, path: PATH, host: `${NAME}.localhost:${this.#port}` };
  }

  async #scale(instances: number): Promise<void> {
    await this.#api("PATCH", `${APPLICATIONS}/${this.#id}`, { instances });
  }

  #api(method: string, path: string, body: unknown): Promise<Answer> {
    const target = { port: this.#port, path, host: `127.0.0.1:${this.#port}` };
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    return expectOk(this.#control, target, { method, headers, body: JSON.stringify(body) });
  }
}
