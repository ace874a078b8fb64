/** The control plane with two more routes: what its objects have cost so far, and how many containers run. */
import control from "../../../src/index.ts";
import { accountStub, applicationStub } from "../../../src/stubs.ts";
import { liveContainers } from "../../../test/workers/fake-container.ts";

export { Account, Application, Instance, Registry } from "../../../test/workers/worker.ts";

const BILLING = /^\/__bench\/billing\/([0-9a-f-]+)$/;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/__bench/containers") return Response.json({ running: liveContainers().length });
    const id = BILLING.exec(pathname)?.[1];
    if (id === undefined) return await control.fetch(request, env, ctx);
    const account: { rowsWritten: number; alarmsSet: number } = await accountStub(env, env.GANTRY_ACCOUNT_ID).billing();
    const application: { rowsWritten: number; alarmsSet: number } = await applicationStub(env, id).billing();
    return Response.json({ account, application });
  },
} satisfies ExportedHandler<Env>;
