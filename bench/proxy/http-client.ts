/** One client with one keep-alive connection, on plain `node:http`: a browser's or a load balancer's view. */
import { Agent, request } from "node:http";

export interface Target {
  readonly port: number;
  readonly path: string;
  /** The Host header: ingress routes by it. */
  readonly host: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  call({ port, path, host }: Target, { method = "GET", headers = {}, body }: CallOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call = request(
        { agent: this.#agent, host: "127.0.0.1", port, path, method, headers: { ...headers, host } },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            text += chunk;
          });
          response.once("error", reject);
          response.once("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
        },
      );
      call.once("error", reject);
      call.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The call, which must succeed. */
export async function expectOk(client: Client, target: Target, options?: CallOptions): Promise<Answer> {
  const answer = await client.call(target, options);
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`${target.host}${target.path} answered ${answer.status}: ${answer.body.slice(0, 200)}`);
  }
  return answer;
}
