/** The control plane with one more route, which tells what its objects have cost so far. */
import control from "../../../src/index.ts";
import { accountStub, applicationStub } from "../../../src/stubs.ts";

export { Account, Application, Instance } from "../../../test/workers/worker.ts";

const BILLING = /^\/__bench\/billing\/([0-9a-f-]+)$/;

export default {
  async fetch(request, env, ctx) {
    const id = BILLING.exec(new URL(request.url).pathname)?.[1];
    if (id === undefined) return await control.fetch(request, env, ctx);
    const account: { rowsWritten: number; alarmsSet: number } = await accountStub(env, env.GANTRY_ACCOUNT_ID).billing();
    const application: { rowsWritten: number; alarmsSet: number } = await applicationStub(env, id).billing();
    return Response.json({ account, application });
  },
} satisfies ExportedHandler<Env>;
