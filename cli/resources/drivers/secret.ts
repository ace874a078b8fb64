/**
 * Secrets. The API tells nobody whether a value is the same, so the manifest says how often it was to be written, and the
 * API's own version says how often it was.
 */
import { textOf } from "../resource.ts";
import type { Api } from "../../api.ts";
import { SAME, type Driver, type Live, type Write } from "../driver.ts";

export const secrets: Driver = {
  list: async (api) => (await api.list("GET /secrets")).map((one) => liveOf(one.name, one.version, null)),

  compare: ({ body, live }) => {
    const from = live === null ? 0 : Number(live.shown["version"]);
    const to = Math.max(from, Number(body["version"] ?? 1));
    const changes = from === to ? [] : [{ field: "version", from: live === null ? null : from, to }];
    return Promise.resolve({ ...SAME, changes });
  },

  create: async (write) => {
    const { api, name, key, owner, value } = write;
    const sent = { body: { name, value: await value() }, idempotencyKey: key };
    const { result, etag } = await api.send("POST /secrets", owner === null ? sent : { ...sent, owner });
    return await raised(write, liveOf(name, result.version, etag));
  },

  update: async (write) => await raised(write, await readNow(write.api, write.name)),

  remove: async (api, { name }, key) => {
    await api.send("DELETE /secrets/{name}", { params: { name }, idempotencyKey: key });
  },
};

/** A write at a time, each only onto the version before it: whoever else writes is noticed. */
async function raised({ api, name, key, body, value }: Write, first: Live): Promise<Live> {
  let live = first;
  while (Number(live.shown["version"]) < Number(body["version"] ?? 1)) {
    const { result, etag } = await api.send("PATCH /secrets/{name}", {
      params: { name },
      body: { value: await value() },
      idempotencyKey: `${key}-${textOf(live.shown["version"])}`,
      ...(live.etag === null ? {} : { ifMatch: live.etag }),
    });
    live = liveOf(name, result.version, etag);
  }
  return live;
}

async function readNow(api: Api, name: string): Promise<Live> {
  const { result, etag } = await api.send("GET /secrets/{name}", { params: { name } });
  return liveOf(name, result.version, etag);
}

function liveOf(name: string, version: number, etag: string | null): Live {
  return { kind: "secret", name, id: name, etag, shown: { name, version } };
}
