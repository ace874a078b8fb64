/** HTTPS in front of a control plane on loopback, for clients that speak with registries in no other way. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface TlsFront {
  /** `localhost:<port>`. */
  readonly host: string;
  /** The file of its certificate, which a client must be told to trust. */
  readonly certificate: string;
  /** Requests since it began, as `GET /v2/`. */
  readonly seen: readonly string[];
  /** What it stands before. */
  passTo(origin: string): void;
  stop(): Promise<void>;
}

export async function startTlsFront(): Promise<TlsFront> {
  const folder = await mkdtemp(join(tmpdir(), "tls-front-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await run("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", certificate]);
  let upstream = "";
  const seen: string[] = [];
  const server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (incoming, answer) => {
    const { method = "", url = "", headers } = incoming;
    seen.push(`${method} ${url}`);
    const onward = request(new URL(url, upstream).href, { method, headers }, (received) => {
      const challenge = received.headers["www-authenticate"];
      // It names the address that was asked, which is that of HTTPS for whoever asked here.
      if (challenge !== undefined)
        received.headers["www-authenticate"] = challenge.replaceAll(
          `http://${headers.host}`,
          `https://${headers.host}`,
        );
      answer.writeHead(received.statusCode ?? 502, received.headers);
      received.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `localhost:${(server.address() as AddressInfo).port}`,
    certificate,
    seen,
    passTo: (origin) => (upstream = origin),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
