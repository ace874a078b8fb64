/** What registries and visitors may try, who mean harm: each to others, to the network that this server is in, or to it. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, it } from "vitest";
import type { FakeRegistry } from "../../test/registry/fake-registry.ts";
import { closeFakes, fake } from "../../test/registry/upstream-client.ts";
import { startDownloader, type Downloader } from "./testing/downloading.ts";
import { serveTest, type TestServer } from "./testing/http-server.ts";
import { MANIFEST, OCI, sha256 } from "./testing/images.ts";

const running: Downloader[] = [];
const servers: TestServer[] = [];

afterEach(async () => {
  for (const one of running.splice(0)) one.stop();
  await Promise.all(servers.splice(0).map(async (one) => await one.stop()));
  closeFakes();
});

async function downloader(options: Parameters<typeof startDownloader>[0] = {}): Promise<Downloader> {
  const made = await startDownloader(options);
  running.push(made);
  return made;
}

/** A registry that answers as it likes. */
async function registryOf(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<TestServer> {
  const made = await serveTest((request, response) => void answer(request, response).catch(() => response.destroy()));
  servers.push(made);
  return made;
}

/** The same bytes each time, of no use to compression. */
function bytesOf(name: string, size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 64) }, (_, index) =>
    createHash("sha512").update(`${name} ${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, size);
}

/** One image, the same in each registry that it is added to. */
function addTo(registry: FakeRegistry, layer = bytesOf("layer", 6_000_000)): { name: string; layer: string } {
  const config = Buffer.from(
    JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [sha256(layer)] } }),
  );
  const described = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: registry.addBlob(bytes),
    size: bytes.length,
  });
  const blob = described(`${OCI}.layer.v1.tar`, layer);
  const fields = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: described(`${OCI}.config.v1+json`, config),
    layers: [blob],
  };
  registry.addManifest("team/web", "v1", fields, MANIFEST);
  return { name: `${registry.host}/team/web:v1`, layer: blob.digest };
}

describe("a layer that two registries have", () => {
  it("comes from each for those who asked there, whatever the other one does", async ({ expect }) => {
    const [honest, silent] = await Promise.all([fake(), fake()]);
    const [good, bad] = [addTo(honest), addTo(silent)];
    silent.setFault("team/web", { kind: "held", after: 100_000 });
    const server = await downloader({ stallMs: 60_000 });
    const stalled = await server.open(bad.name);
    await once(stalled, "readable");
    const whole = await server.get(good.name);
    expect([whole.status, whole.isWhole, server.failures]).toEqual([200, true, []]);
    stalled.destroy();
  });

  it("may be resumed at the one that sent it right, though another one sent it wrong", async ({ expect }) => {
    const honest = await fake();
    const good = addTo(honest);
    const liar = await registryOf(async ({ url = "", headers }, response) => {
      const answer = await fetch(honest.origin + url, { headers: { accept: headers.accept ?? "*/*" } });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (url.endsWith(good.layer)) bytes[5_900_000] = (bytes[5_900_000] ?? 0) ^ 1;
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(bytes);
    });
    const bad = { name: `${liar.host}/team/web:v1` };
    const server = await downloader();
    const whole = await server.get(good.name);
    const wrong = await server.get(bad.name);
    expect([wrong.status, wrong.isWhole]).toEqual([200, false]);
    const rest = await server.get(good.name, { headers: { range: "bytes=4000000-" } });
    expect([rest.status, rest.isWhole]).toEqual([206, true]);
    expect(rest.bytes.equals(whole.bytes.subarray(4_000_000))).toBe(true);
    // Who has some of the wrong bytes begins anew.
    expect((await server.get(bad.name, { headers: { range: "bytes=4000000-" } })).status).toBe(200);
  });
});
