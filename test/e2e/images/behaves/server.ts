/**
 * A workload that does as it is told, and tells what was done to it: fails on demand, streams as much as is wanted, counts
 * its requests by their header `x-call`, knows how much memory it takes.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { load } from "./load.ts";
import { askAll, called, fetched, pull, push, said, text, type Ask, type Call } from "./outgoing.ts";

/** How often each call came in. */
const calls: Record<string, number> = {};
/** What `/work` does: `ok`, `500`, or `hang-up`. */
let work = "ok";
const CHUNK = Buffer.alloc(65_536, "gantry ");

async function send(bytes: number, answer: ServerResponse): Promise<void> {
  for (let left = bytes; left > 0 && !answer.destroyed; left -= CHUNK.length) {
    if (answer.write(left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK)) continue;
    await new Promise<void>((resolve) => {
      answer.once("drain", resolve);
      answer.once("close", resolve);
    });
  }
  answer.end();
}

async function receive(request: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk as Buffer).length;
  return bytes;
}

function json(answer: ServerResponse, body: object): void {
  answer.setHeader("content-type", "application/json");
  answer.end(JSON.stringify(body));
}

async function respond(request: IncomingMessage, answer: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://self");
  const call = request.headers["x-call"];
  if (typeof call === "string") calls[call] = (calls[call] ?? 0) + 1;
  switch (pathname) {
    case "/work":
      if (work === "hang-up") {
        request.socket.destroy();
        return;
      }
      answer.statusCode = work === "ok" ? 200 : Number(work);
      return json(answer, { work });
    case "/told":
      work = searchParams.get("work") ?? "ok";
      return json(answer, { work });
    case "/status":
      answer.statusCode = Number(searchParams.get("code"));
      answer.setHeader("retry-after", "7");
      return json(answer, { mine: true });
    case "/upload":
      return json(answer, { bytes: await receive(request) });
    case "/download":
      return await send(Number(searchParams.get("bytes")), answer);
    case "/calls":
      return json(answer, calls);
    case "/ask":
      return json(answer, await askAll(JSON.parse(await text(request)) as Ask[]));
    case "/fetch":
      return json(answer, await fetched(searchParams.get("url") ?? "", request.headers));
    case "/call":
      return json(answer, await called(JSON.parse(await text(request)) as Call));
    case "/say":
      return json(answer, await said(searchParams.get("url") ?? "", await text(request)));
    case "/load":
      return json(answer, await load(searchParams.get("url") ?? "", searchParams));
    case "/push":
      return json(answer, await push(searchParams.get("url") ?? "", Number(searchParams.get("bytes"))));
    case "/pull":
      return json(answer, await pull(searchParams.get("url") ?? ""));
    case "/memory":
      return json(answer, { rss: process.memoryUsage().rss });
    default:
      return json(answer, { status: "healthy" });
  }
}

const server = createServer((request, answer) => {
  respond(request, answer).catch(() => answer.destroy());
});
process.on("SIGTERM", () => process.exit(0));
server.listen(8_080);
