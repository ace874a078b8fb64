/**
 * Callers whose reads the account has just let in, so that a burst of reads does not ask it each time. The account says
 * how many more it lets in unasked, and has taken them from the caller's rate. Any write of this isolate forgets them all,
 * so that whoever revokes a token, creates or deletes something sees it at once; elsewhere it takes a second.
 */
import type { Admission } from "../account/admission.ts";
import type { Credential } from "./credentials.ts";
import type { Need } from "./scopes.ts";

type Admitted = Extract<Admission, { outcome: "admitted" }>;

const KNOWN_MS = 1_000;
const MAX_KNOWN = 1_000;

interface Known {
  readonly admission: Admitted;
  readonly until: number;
  left: number;
}

const known = new Map<string, Known>();

/** Who reads what: one key, one answer of the account. */
export function readKey(accountId: string, credential: Credential, scope: Need, application: string | null): string {
  const caller = credential.kind === "operator" ? "operator" : `${credential.tokenId} ${credential.digest}`;
  return [accountId, caller, scope, application ?? ""].join("\n");
}

export function recall(key: string, now: number): Admitted | null {
  const entry = known.get(key);
  if (entry === undefined || entry.until <= now || entry.left <= 0) return null;
  entry.left -= 1;
  return { ...entry.admission, seed: crypto.randomUUID() };
}

export function remember(key: string, admission: Admitted, now: number): void {
  if (admission.repeats <= 0) return;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, { admission, until: now + KNOWN_MS, left: admission.repeats });
}

export function forgetCallers(): void {
  known.clear();
}
