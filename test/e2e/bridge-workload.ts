/**
 * What runs inside a container of `bridge.e2e.test.ts`: the SDK's bridge, told over HTTP what to say. It is bundled to one
 * argument of `node`, so that no image has to be built for it.
 */
import { createServer } from "node:http";
import { createBridge } from "../../src/sdk/bridge/index.ts";

const bridge = createBridge({ timeoutMs: 10_000 });

const DEEDS: Readonly<Record<string, (given: string) => Promise<unknown>>> = {
  progress: (message) => bridge.progress({ message }),
  result: (text) => bridge.result({ text }),
  log: (message) => bridge.log("info", message),
  payload: () => bridge.payload(),
  call: (functionPath) => bridge.call(functionPath, { from: "inside" }),
  token: async () => process.env["GANTRY_BRIDGE_TOKEN"] ?? null,
  fetch: async (given) => {
    const { url, ...init } = JSON.parse(given) as { url: string };
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
    return { status: response.status, body: await response.text() };
  },
};

createServer((request, answer) => {
  const [deed = "", given = ""] = (request.url ?? "").slice(1).split("?");
  const work = DEEDS[deed]?.(decodeURIComponent(given)) ?? Promise.resolve("ready");
  work.then(
    (done) => answer.end(JSON.stringify({ done: done ?? null })),
    (error: { code?: string; message: string }) =>
      answer.end(JSON.stringify({ code: error.code, message: error.message })),
  );
}).listen(8080);
