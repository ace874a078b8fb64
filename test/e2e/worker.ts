/** The control plane with one more route, which drops an instance's object from memory as the platform may at any time. */
import control from "../../src/index.ts";
import { Instance as RealInstance } from "../../src/containers/instance.ts";

export { Account } from "../../src/account/account.ts";
export { Application } from "../../src/orchestrator/application.ts";
export { ContainerEvents, Functions } from "../workers/bound-workers.ts";
export { Egress } from "../../src/egress/gateway.ts";
export { Gantry } from "../../src/containers/entrypoint.ts";

export class Instance extends RealInstance {
  abortForTest(): void {
    this.ctx.abort("reset by the test");
  }
}

/** What a bound Worker calls: `{method, args}`. */
async function callBinding(request: Request, binding: Service): Promise<Response> {
  const { method, args } = await request.json<{ method: string; args: unknown[] }>();
  const methods = binding as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
  try {
    return Response.json({ result: (await methods[method]?.(...args)) ?? null });
  } catch (error) {
    const { code, message, details } = error as { code: string; message: string; details: unknown };
    return Response.json({ error: { code, message, details } });
  }
}

const ABORT = /^\/__test\/abort\/([\w-]+)$/;

export default {
  async fetch(request, env, ctx) {
    if (request.url.endsWith("/__test/rpc")) return await callBinding(request, ctx.exports.Gantry as unknown as Service);
    const deployment = ABORT.exec(new URL(request.url).pathname)?.[1];
    if (deployment === undefined) return await control.fetch(request, env, ctx);
    const stub = env.INSTANCE.getByName(deployment) as unknown as DurableObjectStub<Instance>;
    await stub.abortForTest().catch(() => undefined);
    return new Response("aborted");
  },
} satisfies ExportedHandler<Env>;
