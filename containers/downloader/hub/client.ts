/**
 * Docker Hub's own API, which knows what a registry does not: descriptions, stars, pulls, sizes of tags. It has no
 * login here: what it shows to nobody in particular is all that is asked for.
 */
import { fields, type Fields } from "./untrusted.ts";

const TIMEOUT_MS = 8_000;
const MAX_BYTES = 8_388_608;

/** Why somebody else gave no answer: shown to whoever asked, and never kept. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

export class HubClient {
  readonly #base: string;

  /** `https://hub.docker.com`. */
  constructor(base: string) {
    this.#base = base.replace(/\/+$/, "");
  }

  /** Null: there is no such thing. */
  async get(path: string, query: Readonly<Record<string, string>> = {}): Promise<Fields | null> {
    const host = new URL(this.#base).host;
    const search = new URLSearchParams(query).toString();
    let response: Response;
    try {
      response = await fetch(`${this.#base}${path}${search === "" ? "" : `?${search}`}`, {
        headers: { accept: "application/json", "user-agent": "gantry-downloader" },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      throw new Unreachable(`${host} could not be reached`, { cause: error });
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      // Said by the container's egress, in the Hub's place.
      const own = response.headers.get("gantry-error");
      if (own === "EGRESS_DENIED") throw new Unreachable(`egress does not allow ${host}`);
      if (own !== null) throw new Unreachable(`${host} could not be reached`);
      if (response.status === 404) return null;
      const limited = response.status === 429 ? ", which limits how often it is asked" : "";
      throw new Unreachable(`${host} answers with status ${response.status}${limited}`);
    }
    try {
      return fields(JSON.parse(await boundedText(response)));
    } catch (error) {
      throw new Unreachable(`${host} answers with what is no JSON`, { cause: error });
    }
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
