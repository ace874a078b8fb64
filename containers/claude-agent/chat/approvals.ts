/** Tool calls that wait for somebody to say yes or no. Whoever says nothing in time has said no. */
export interface PendingApproval {
  readonly id: string;
  readonly tool: string;
  readonly input: unknown;
  readonly expires_at: string;
}

export type Verdict = "approved" | "denied" | "expired";

interface Waiting {
  readonly shown: PendingApproval;
  readonly settle: (verdict: Verdict) => void;
}

export class Approvals {
  readonly #waitMs: number;
  readonly #waiting = new Map<string, Waiting>();

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  list(): PendingApproval[] {
    return [...this.#waiting.values()].map(({ shown }) => shown);
  }

  /** False: nothing of that id waits. */
  decide(id: string, isApproved: boolean): boolean {
    const waiting = this.#waiting.get(id);
    waiting?.settle(isApproved ? "approved" : "denied");
    return waiting !== undefined;
  }

  /** `onAsked`: once it can be decided. Throws where the chat is given up meanwhile. */
  async ask(
    call: { readonly name: string; readonly input: unknown },
    onAsked: (approval: PendingApproval) => void,
    signal: AbortSignal,
  ): Promise<Verdict> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
    const id = crypto.randomUUID();
    const expiresAt = new Date(Date.now() + this.#waitMs).toISOString();
    const shown = { id, tool: call.name, input: call.input, expires_at: expiresAt };
    const timer = setTimeout(() => resolve("expired"), this.#waitMs);
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort);
    this.#waiting.set(id, { shown, settle: resolve });
    try {
      onAsked(shown);
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      this.#waiting.delete(id);
    }
  }
}
