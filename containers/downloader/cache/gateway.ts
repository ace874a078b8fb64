/**
 * What the gateways of Gantry give this application: keys of a namespace, objects of a bucket, shared objects. Where one
 * is not granted, not there or not answering, the downloader works without: it is said once, and tried again later.
 */

/** How long one that has refused is left alone, and one that was too slow. */
const OFF_MS = 60_000;
const LATE_MS = 10_000;
const TIMEOUT_MS = 5_000;
/** The application has not got it, or the control plane has not. */
const NOT_THERE: ReadonlySet<number> = new Set([403, 405, 501, 502, 503]);

export interface Entry {
  /** Below this application's own prefix. */
  readonly key: string;
  readonly size: number;
  readonly storedAt: number;
}

export interface Page {
  readonly entries: readonly Entry[];
  readonly cursor: string | null;
}

interface RawPage {
  readonly objects?: readonly RawEntry[];
  readonly keys?: readonly RawEntry[];
  readonly cursor?: string | null;
}

interface RawEntry {
  readonly key?: string;
  readonly name?: string;
  readonly size?: number;
  readonly uploaded?: string;
}

export class Gateway {
  readonly #name: string;
  readonly #base: string | null;
  #offUntil = 0;
  #isSaid = false;

  /** `base`: an address that keys are appended to; null: there is none. */
  constructor(name: string, base: string | null) {
    this.#name = name;
    this.#base = base;
  }

  get isOn(): boolean {
    return this.#base !== null && this.#offUntil <= Date.now();
  }

  /** Of a key below this application's own prefix. */
  url(key: string): URL {
    return new URL(`${this.#base}${key.split("/").map(encodeURIComponent).join("/")}`);
  }

  /** One page of the keys that begin like this; null: there is no such gateway, or it did not answer. */
  async list(prefix: string, cursor: string | null): Promise<Page | null> {
    if (this.#base === null) return null;
    const { origin, pathname } = new URL(this.#base);
    const [, binding = "", ...own] = pathname.split("/");
    const ownPrefix = decodeURIComponent(own.join("/"));
    const query = new URLSearchParams({ prefix: `${ownPrefix}${prefix}`, ...(cursor === null ? {} : { cursor }) });
    const response = await this.#fetch(`${origin}/${binding}/?${query.toString()}`, {}, TIMEOUT_MS);
    if (response?.status !== 200) {
      await response?.body?.cancel();
      return null;
    }
    const page = (await response.json().catch(() => null)) as RawPage | null;
    const entries = (page?.objects ?? page?.keys ?? []).map(({ key, name, size = 0, uploaded }) => ({
      key: (key ?? name ?? "").slice(ownPrefix.length),
      size,
      storedAt: uploaded === undefined ? 0 : Date.parse(uploaded),
    }));
    return page === null ? null : { entries, cursor: page.cursor ?? null };
  }

  /** Null: there is none, or it did not answer in time. */
  async ask(
    key: string,
    init: RequestInit & { readonly query?: string } = {},
    timeoutMs = TIMEOUT_MS,
  ): Promise<Response | null> {
    const { query = "", ...rest } = init;
    if (this.#base === null) return null;
    return await this.#fetch(`${this.url(key).href}${query}`, rest, timeoutMs);
  }

  async #fetch(url: string, { signal, ...rest }: RequestInit, timeoutMs: number): Promise<Response | null> {
    if (!this.isOn) return null;
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(url, { ...rest, signal: signal ? AbortSignal.any([late, signal]) : late });
      if (!this.judge(response.status)) {
        await response.body?.cancel();
        return null;
      }
      return response;
    } catch (error) {
      if (signal?.aborted !== true) this.off(error instanceof Error ? error.name : "failed", LATE_MS);
      return null;
    }
  }

  /** False: switched off for a while. */
  judge(status: number): boolean {
    if (!NOT_THERE.has(status)) return true;
    this.off(`status ${status}`);
    return false;
  }

  off(reason: string, ms = OFF_MS): void {
    this.#offUntil = Date.now() + ms;
    if (this.#isSaid) return;
    this.#isSaid = true;
    console.warn(JSON.stringify({ level: "warn", message: "downloader.gateway.off", gateway: this.#name, reason }));
  }
}
