/** The launcher as a client of the control plane that it started. */
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 50;
const CALL_TIMEOUT_MS = 10_000;

export interface ControlPlane {
  readonly url: string;
  readonly accountId: string;
  readonly token: string;
}

/** Resolves when `/healthz` answers 200, rejects when `signal` aborts. */
export async function untilHealthy({ url }: ControlPlane, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const answer = await fetch(`${url}/healthz`, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
      });
      await answer.body?.cancel();
      if (answer.status === 200) return;
    } catch {
      // Not listening yet, or aborted: the loop tells which.
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

function applicationsUrl({ url, accountId }: ControlPlane): string {
  return `${url}/client/v4/accounts/${accountId}/containers/applications`;
}

/** `samples`: names of the applications that are made of `containers/`. */
export function welcome(plane: ControlPlane, samples: readonly string[]): string {
  const { port } = new URL(plane.url);
  const body = JSON.stringify({ name: "hello", instances: 3, configuration: { image: "hello-world" } });
  return `
  URL          ${plane.url}
  Account id   ${plane.accountId}
  Admin token  ${plane.token}

Run three containers:

  curl -sS ${applicationsUrl(plane)} -H 'Authorization: Bearer ${plane.token}' -H 'Content-Type: application/json' -d '${body}'

and call them:

  curl http://hello.localhost:${port}/

${samplesAt(samples, port)}Begin a project from a template: npm run gantry -- init <folder>. Templates: npm run gantry -- templates list.
Ctrl-C stops Gantry and its containers; what you made is kept for the next start.`;
}

function samplesAt(names: readonly string[], port: string): string {
  if (names.length === 0) return "";
  const lines = names.map((name) => `  http://${name}.localhost:${port}/\n`).join("");
  return `The samples, which start when they are called:\n\n${lines}\n`;
}
