/**
 * What runs inside the calling container of `internal-names.long.e2e.test.ts`, told over HTTP whom to call: once, or again and
 * again until it is asked what came of it. It is bundled to one argument of `node`, so that no image has to be built for it.
 */
import { createServer } from "node:http";

interface Asked {
  readonly url: string;
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

const TIMEOUT_MS = 40_000;

async function call({ url, ...init }: Asked) {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { status: response.status, instance: response.headers.get("gantry-instance"), body: await response.text() };
}

const seen: Record<string, number> = {};
let open: Promise<void>[] = [];
let timer: NodeJS.Timeout | undefined;

async function count(url: string, nth: number): Promise<void> {
  const asked: Asked = nth % 2 === 0 ? { url } : { url, method: "POST", body: `${nth}` };
  const outcome = await call(asked).then(
    ({ status, instance }) => `${url} ${status} ${instance}`,
    (error: Error) => `${asked.method ?? "GET"} ${url} ${error.message} ${String(error.cause)}`,
  );
  seen[outcome] = (seen[outcome] ?? 0) + 1;
}

const DEEDS: Readonly<Record<string, (given: string) => Promise<unknown>>> = {
  call: (given) => call(JSON.parse(given) as Asked),
  begin: async (given) => {
    const { urls, everyMs } = JSON.parse(given) as { urls: string[]; everyMs: number };
    let nth = 0;
    timer = setInterval(() => {
      nth += 1;
      for (const url of urls) open.push(count(url, nth));
    }, everyMs);
    return {};
  },
  end: async () => {
    clearInterval(timer);
    await Promise.all(open);
    open = [];
    return { seen };
  },
  socket: async (given) => {
    const { url, say } = JSON.parse(given) as { url: string; say: string };
    const socket = new WebSocket(url);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    socket.addEventListener("open", () => socket.send(say));
    socket.addEventListener("message", ({ data }) => {
      if (String(data).includes(say)) resolve(String(data));
    });
    socket.addEventListener("error", () => reject(new Error("the WebSocket failed")));
    const said = await promise;
    socket.close();
    return { said };
  },
};

createServer((request, answer) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const name = (request.url ?? "").slice(1);
    const deed = name === "headers" ? async () => request.headers : DEEDS[name];
    const work = deed?.(Buffer.concat(chunks).toString()) ?? Promise.resolve("ready");
    work.then(
      (done) => answer.end(JSON.stringify(done)),
      (error: Error) => answer.writeHead(500).end(`${error.message} ${String(error.cause)}`),
    );
  });
}).listen(8080);
