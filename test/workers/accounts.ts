/** An account of its own for a test: what it changes of limits and pools is in nobody's way. */
import { call, eventually, raw, type Envelope, type WireInstance } from "./client.ts";

export interface TestAccount {
  readonly id: string;
  readonly call: (method: string, path: string, body?: unknown) => Promise<Envelope & { status: number }>;
  readonly raw: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Response>;
  readonly create: (body?: Record<string, unknown>) => Promise<Envelope & { status: number }>;
  readonly ready: (id: string, count: number) => Promise<WireInstance[]>;
}

export async function freshAccount(): Promise<TestAccount> {
  const made = await call("POST", "http://control.test/client/v4/accounts", { name: crypto.randomUUID() });
  const { id } = made.result;
  const base = `http://control.test/client/v4/accounts/${id}/containers`;
  const ownCall: TestAccount["call"] = (method, path, body) => call(method, `${base}${path}`, body);
  return {
    id,
    call: ownCall,
    raw: (method, path, body, headers = {}) =>
      raw(method, `${base}${path}`, body === undefined ? undefined : JSON.stringify(body), {
        "content-type": "application/json",
        ...headers,
      }),
    create: (body = {}) => {
      const name = `app-${crypto.randomUUID().slice(0, 8)}`;
      return ownCall("POST", "/applications", { name, instances: 1, configuration: { image: "hello-world" }, ...body });
    },
    ready: (application, count) =>
      eventually(async () => {
        const { result } = await ownCall("GET", `/applications/${application}/instances-v2`);
        const instances: WireInstance[] = result;
        return instances.length === count && instances.every((instance) => instance.ready) && instances;
      }),
  };
}
