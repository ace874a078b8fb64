/** The Claude agent as its manifest says it, and somebody who may call it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PROJECT_DIR, type Answer, type ControlPlane } from "./control-plane.ts";

export interface Said {
  readonly status: number;
  readonly headers: Answer["headers"];
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test reads of an answer is what it asserts about it
  readonly said: any;
}

export class AgentCaller {
  /** Its id. */
  readonly application: string;
  readonly token: string;
  readonly #plane: ControlPlane;

  private constructor(plane: ControlPlane, application: string, token: string) {
    this.#plane = plane;
    this.application = application;
    this.token = token;
  }

  static async create(plane: ControlPlane): Promise<AgentCaller> {
    const manifest = await readFile(join(PROJECT_DIR, "containers/claude-agent/application.json"), "utf8");
    const { name, ...rest } = JSON.parse(manifest);
    const application = await plane.create(name, rest);
    const made = await plane.call("POST", "/tokens", { name: "caller", scopes: ["invoke"], applications: [name] });
    return new AgentCaller(plane, application, made.result.value);
  }

  get headers(): Record<string, string> {
    return { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
  }

  async ask(conversation: string, method: string, path: string, body?: object): Promise<Answer> {
    return await this.#plane.fetch(`/a/claude-agent/@${conversation}${path}`, {
      method,
      headers: this.headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async chat(conversation: string, message: string, more: object = {}): Promise<Said> {
    const { status, body, headers } = await this.ask(conversation, "POST", "/chat", { message, ...more });
    return { status, headers, said: JSON.parse(body) };
  }

  /** What a command says inside, as the model asks for it. */
  async shell(conversation: string, command: string): Promise<string> {
    const call = `tool shell ${JSON.stringify({ command })}`;
    const { status, said } = await this.chat(conversation, call, { tools: ["shell"], approval: "auto" });
    if (status !== 200) throw new Error(JSON.stringify(said));
    return said.response;
  }

  async hasKey(conversation: string): Promise<boolean | null> {
    return JSON.parse((await this.ask(conversation, "GET", "/health")).body).hasApiKey;
  }
}
