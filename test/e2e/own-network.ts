/**
 * A Worker as `wrangler dev` runs it, which fetches by itself: what a Worker of wrangler's test harness fetches goes through
 * the test's own process, which takes longer than all that is to be measured.
 */
import { randomBytes } from "node:crypto";
import { unstable_startWorker as startWorker } from "wrangler";

export interface OwnWorker {
  readonly url: URL;
  stop(): Promise<void>;
}

type Bindings = NonNullable<Parameters<typeof startWorker>[0]["bindings"]>;

/** `config`: the path of its configuration. `vars` and `bindings`: in place of those in there. */
export async function startOwnWorker(
  config: string,
  vars: Record<string, string>,
  bindings: Bindings = {},
): Promise<OwnWorker> {
  const texts = Object.entries(vars).map(([name, value]) => [name, { type: "plain_text" as const, value }]);
  const worker = await startWorker({
    config,
    bindings: { ...Object.fromEntries(texts), ...bindings },
    dev: {
      server: { hostname: "127.0.0.1", port: 0 },
      remote: false,
      watch: false,
      inspector: false,
      persist: false,
      logLevel: "none",
      containerBuildId: randomBytes(4).toString("hex"),
    },
  });
  await worker.ready;
  return { url: await worker.url, stop: async () => await worker.dispose() };
}
