/** What Gantry says of the instance that this process is in, over the bridge. */
export interface CredentialState {
  readonly hosts: readonly string[];
  readonly header: string;
  readonly available: boolean;
  readonly reason?: string;
}

const TIMEOUT_MS = 10_000;

export class Control {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** What the instance is called by; null for a member of the pool. */
  async name(): Promise<string | null> {
    const { name } = (await this.#get("/identity")) as { name: string | null };
    return name;
  }

  async credentials(): Promise<readonly CredentialState[]> {
    return (await this.#get("/credentials")) as CredentialState[];
  }

  async #get(path: string): Promise<unknown> {
    const answer = await fetch(this.#url + path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the control plane did not say ${path}: ${answer.status} ${text.slice(0, 200)}`);
    return (JSON.parse(text) as { result: unknown }).result;
  }
}
