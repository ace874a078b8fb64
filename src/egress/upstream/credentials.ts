/**
 * Credentials that are set on requests outside of the container, from secrets that are in no container. A value is in
 * memory here and in the request that it is for, and nowhere else: no log, no error, no answer.
 */
import { describeError, GantryError } from "../../errors.ts";
import { withTimeout } from "../../with-timeout.ts";
import type { EgressCredential } from "../policy/policy.ts";

/** A rotation is seen within this time. */
export const REMEMBERED_MS = 60_000;
/** So long each isolate asks only once for a secret that is not there. */
const MISSING_MS = 1_000;
const MAX_REMEMBERED = 1_000;
/** The request that asks may be gone, and its answer with it. */
const PATIENCE_MS = 2_000;

export interface SecretValue {
  readonly value: string;
  /** Null of one whose store has none. */
  readonly version: number | null;
}

/** Null: there is no such secret. */
export type SecretLookup = (accountId: string, name: string) => Promise<SecretValue | null>;

interface Remembered {
  readonly found: SecretValue | null;
  readonly askedAt: number;
}

/** Values of secrets, as an isolate knows them. */
export class CredentialValues {
  readonly #clock: () => number;
  readonly #remembered = new Map<string, Remembered>();
  readonly #asking = new Map<string, Promise<Remembered>>();

  constructor(clock: () => number = () => Date.now()) {
    this.#clock = clock;
  }

  async get(accountId: string, name: string, lookup: SecretLookup): Promise<SecretValue | null> {
    const key = `${accountId} ${name}`;
    const known = this.#remembered.get(key);
    if (known !== undefined && this.#isGood(known)) return known.found;
    const asking = this.#asking.get(key);
    if (asking !== undefined) {
      try {
        return (await withTimeout(asking, PATIENCE_MS)).found;
      } catch {
        // It belongs to another request: this one asks for itself.
      }
    }
    return (await this.#ask(key, async () => await lookup(accountId, name))).found;
  }

  async #ask(key: string, lookup: () => Promise<SecretValue | null>): Promise<Remembered> {
    const askedAt = this.#clock();
    const asking = lookup().then((found) => ({ found, askedAt }));
    this.#asking.set(key, asking);
    try {
      const answer = await asking;
      // What was asked earlier and answered later is older.
      if ((this.#remembered.get(key)?.askedAt ?? 0) <= askedAt) this.#remember(key, answer);
      return answer;
    } finally {
      if (this.#asking.get(key) === asking) this.#asking.delete(key);
    }
  }

  #remember(key: string, answer: Remembered): void {
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(key, answer);
  }

  #isGood({ found, askedAt }: Remembered): boolean {
    return this.#clock() - askedAt < (found === null ? MISSING_MS : REMEMBERED_MS);
  }
}

/** What a request carries that its container has not sent. */
export interface Injected {
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** The secrets alone, to know them again. */
  readonly values: readonly string[];
}

/** Throws when one of them cannot be had: without it nothing is sent. */
export async function inject(
  credentials: readonly EgressCredential[],
  host: string,
  resolve: (name: string) => Promise<SecretValue | null>,
): Promise<Injected> {
  const values = await Promise.all(
    credentials.map(async (credential) => ({ credential, value: await valueOf(credential, host, resolve) })),
  );
  return {
    headers: values.map(({ credential: { header, prefix }, value }) => ({ name: header, value: prefix + value })),
    values: values.map(({ value }) => value),
  };
}

async function valueOf(
  credential: EgressCredential,
  host: string,
  resolve: (name: string) => Promise<SecretValue | null>,
): Promise<string> {
  let found: SecretValue | null;
  try {
    found = await resolve(credential.secret);
  } catch (error) {
    throw unavailable(credential, host, `its secret cannot be read: ${describeError(error)}`);
  }
  if (found === null) throw unavailable(credential, host, "there is no such secret: create it with POST /secrets");
  const { value } = found;
  if (/[\r\n]/.test(value)) {
    throw unavailable(credential, host, "its value has a line break in it, often at its end: write it without");
  }
  // Others the runtime would send as UTF-8, and log with the whole value.
  if (/[^\t\x20-\x7e]/.test(value)) {
    throw unavailable(credential, host, "its value has characters that are not printable ASCII");
  }
  if (value.trim() === "") throw unavailable(credential, host, "its value is empty");
  return value;
}

function unavailable({ header, secret }: EgressCredential, host: string, why: string): GantryError {
  const message = `the credential ${header} of ${host} cannot be set from secret ${secret}, and nothing is sent without it: ${why}`;
  return new GantryError("CREDENTIAL_UNAVAILABLE", message, { host, header, secret });
}

/** Shorter ones are in too much that has nothing to do with them. */
const MIN_REFLECTED = 6;

/** In place: headers of an answer that repeat a secret, as servers do that say what they were asked. */
export function dropReflected(headers: Headers, values: readonly string[]): void {
  const needles = needlesOf(values);
  if (needles.length === 0) return;
  // Whoever deletes while going through them skips some.
  const entries = [...headers];
  for (const [name, value] of entries) {
    if (needles.some((needle) => value.includes(needle) || name.includes(needle.toLowerCase()))) headers.delete(name);
  }
}

export function reflects(text: string, values: readonly string[]): boolean {
  return needlesOf(values).some((needle) => text.includes(needle));
}

function needlesOf(values: readonly string[]): string[] {
  const secrets = values.map((value) => value.trim()).filter(({ length }) => length >= MIN_REFLECTED);
  return secrets.flatMap((value) => [value, encodeURIComponent(value)]);
}
