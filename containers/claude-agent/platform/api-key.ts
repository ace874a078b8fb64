/**
 * Whether requests to the Messages API will have a key. This process does not have it: the control plane sets the header on
 * the way out, and says whether it can. Alone, the key is in the environment.
 */
import type { Settings } from "../settings.ts";
import { Control, type CredentialState } from "./control.ts";

/** A key that is there stays for a while; one that is not is what somebody is about to change. */
const KNOWN_MS = 30_000;
const MISSING_MS = 1_000;
/** That the client sends keys in, of the version of the API that it speaks. */
const HEADER = "authorization";

export interface KeyState {
  /** Null: the control plane did not say. */
  readonly isThere: boolean | null;
  readonly reason?: string;
}

export class ApiKey {
  readonly #settings: Pick<Settings, "apiKey" | "baseUrl" | "platform">;
  readonly #control: Control;
  #known: { readonly state: KeyState; readonly until: number } | null = null;

  constructor(settings: Pick<Settings, "apiKey" | "baseUrl" | "platform">, control: Control) {
    this.#settings = settings;
    this.#control = control;
  }

  /** What was known last, or nothing, where the control plane takes longer than that: for whoever must not wait for it. */
  async stateWithin(ms: number): Promise<KeyState> {
    const late = this.#known?.state ?? { isThere: null, reason: "the control plane has not said so yet" };
    const { promise, resolve } = Promise.withResolvers<KeyState>();
    const timer = setTimeout(() => resolve(late), ms);
    try {
      return await Promise.race([this.state(), promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async state(): Promise<KeyState> {
    const { apiKey, platform, baseUrl } = this.#settings;
    if (platform.application === null) return { isThere: apiKey !== null };
    if (this.#known !== null && this.#known.until > Date.now()) return this.#known.state;
    try {
      const state = stateOf(await this.#control.credentials(), new URL(baseUrl).hostname);
      const until = Date.now() + (state.isThere === true ? KNOWN_MS : MISSING_MS);
      this.#known = { state, until };
      return state;
    } catch (error) {
      return { isThere: null, reason: error instanceof Error ? error.message : String(error) };
    }
  }
}

function stateOf(credentials: readonly CredentialState[], host: string): KeyState {
  const one = credentials.find(
    ({ header, hosts }) => header === HEADER && hosts.some((pattern) => covers(pattern, host)),
  );
  if (one === undefined) return { isThere: false, reason: `egress.credentials sets no ${HEADER} at ${host}` };
  return { isThere: one.available, ...(one.reason === undefined ? {} : { reason: one.reason }) };
}

/** As a policy writes hosts. */
function covers(pattern: string, host: string): boolean {
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : pattern === host;
}
