/**
 * The Account object: names, tokens, audit, idempotency and everything else that belongs to an account and to no one
 * application. A shell: each method forwards to a free function of this folder. It is on no request path of an
 * application: the Worker asks it once for a name and keeps the answer.
 */
import { DurableObject } from "cloudflare:workers";
import { Database } from "../database.ts";
import { migrate } from "../migrations.ts";
import { getAccount, listAccounts, putAccount, removeAccount, type AccountEntry } from "./accounts.ts";
import { admit, storedKey, type Admission, type AdmissionRequest } from "./admission.ts";
import {
  findApplication,
  listApplications,
  removeApplication,
  reserveName,
  type ApplicationEntry,
  type ApplicationKind,
  type Reservation,
} from "./applications.ts";
import { finishAudit, listAudit, recordDenied, type AuditDraft, type AuditEntry } from "./audit.ts";
import { keepAnswer, releaseKey } from "./idempotency.ts";
import { ACCOUNT_MIGRATIONS } from "./migrations.ts";
import { RateLimiter } from "./rate-limit.ts";
import { getToken, listTokens, putToken, removeToken, verifyToken, type Token } from "./tokens.ts";

/** What came of an admitted write. */
export interface Completion {
  readonly auditId: number;
  readonly status: number;
  readonly code: string | null;
  /** With an idempotency key: what is given again, or null when the next try is to begin anew. */
  readonly idempotency: { readonly tokenId: string | null; readonly key: string; readonly seed: string } | null;
  readonly answer: string | null;
}

export class Account extends DurableObject<Env> {
  readonly #db: Database;
  readonly #limiter = new RateLimiter();
  readonly #running = new Map<string, number>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#db = new Database(ctx.storage);
    migrate(this.#db, ACCOUNT_MIGRATIONS);
  }

  admit(request: AdmissionRequest): Admission {
    return admit({ db: this.#db, limiter: this.#limiter, running: this.#running }, request, Date.now());
  }

  finish({ auditId, status, code, idempotency, answer }: Completion): void {
    this.#db.transaction(() => {
      finishAudit(this.#db, auditId, status, code);
      if (idempotency === null) return;
      const key = storedKey(idempotency, idempotency.key);
      this.#running.delete(key);
      if (answer === null) releaseKey(this.#db, key, idempotency.seed);
      else keepAnswer(this.#db, key, idempotency.seed, answer);
    });
  }

  /** A write that came without a credential. */
  recordAnonymous(draft: AuditDraft): void {
    recordDenied(this.#db, this.#limiter, draft, "UNAUTHORIZED", Date.now());
  }

  audit(before: number, limit: number): AuditEntry[] {
    return listAudit(this.#db, before, limit);
  }

  reserveName(name: string, id: string, kind: ApplicationKind): Reservation {
    return reserveName(this.#db, name, id, kind, Date.now());
  }

  removeApplication(id: string): void {
    removeApplication(this.#db, id);
  }

  findApplication(idOrName: string): ApplicationEntry | null {
    return findApplication(this.#db, idOrName);
  }

  listApplications(kind: ApplicationKind | null, cursor: string, limit: number): ApplicationEntry[] {
    return listApplications(this.#db, kind, cursor, limit);
  }

  createToken(token: Token, digest: string): void {
    putToken(this.#db, token, digest);
  }

  token(id: string): Token | null {
    return getToken(this.#db, id);
  }

  tokens(cursor: string, limit: number): Token[] {
    return listTokens(this.#db, cursor, limit);
  }

  revokeToken(id: string): boolean {
    if (getToken(this.#db, id) === null) return false;
    removeToken(this.#db, id);
    return true;
  }

  /** For callers of applications, whose requests pass no admission. */
  verifyToken(id: string, digest: string): Token | null {
    return verifyToken(this.#db, id, digest, Date.now());
  }

  createAccount(entry: AccountEntry): AccountEntry {
    return putAccount(this.#db, entry);
  }

  account(id: string): AccountEntry | null {
    return getAccount(this.#db, id);
  }

  accounts(cursor: string, limit: number): AccountEntry[] {
    return listAccounts(this.#db, cursor, limit);
  }

  removeAccount(id: string): void {
    removeAccount(this.#db, id);
  }

  /** The account is deleted: nothing is kept of it. */
  async erase(): Promise<void> {
    await this.ctx.storage.deleteAll();
    // A later request finds tables again, and no token.
    migrate(this.#db, ACCOUNT_MIGRATIONS);
  }

  /** What this lifetime of the object has cost so far. */
  billing(): { rowsWritten: number; alarmsSet: number } {
    return { rowsWritten: this.#db.rowsWritten, alarmsSet: 0 };
  }
}
