/**
 * The Account object: names, tokens, audit, idempotency and everything else that belongs to an account and to no one
 * application. A shell: each method forwards to a free function of this folder. It is on no request path of an
 * application: the Worker asks it once for a name and keeps the answer.
 */
import type { AddressType } from "../address-range.ts";
import { inBatches } from "../batches.ts";
import { Database } from "../database.ts";
import { describeError, GantryError } from "../errors.ts";
import type { Location } from "../orchestrator/placement/location.ts";
import { applicationStub, claimantStub } from "../stubs.ts";
import { migrate } from "../migrations.ts";
import { accountOfBlock, leaseBlocks, removeBlocks } from "./address-blocks.ts";
import { placedAddresses, rangeOf, takeAddresses, type PlacedAddress, type PoolDeps } from "./address-pool.ts";
import {
  findAddress,
  listAddresses,
  releaseAddresses,
  releaseOfApplication,
  type Address,
  type Addresses,
  type AddressRequest,
} from "./addresses.ts";
import { getAccount, listAccounts, putAccount, removeAccount, type AccountEntry } from "./accounts.ts";
import { admit, type Admission, type AdmissionRequest } from "./admission.ts";
import {
  findApplication,
  listApplications,
  removeApplication,
  reserveName,
  type ApplicationEntry,
  type ApplicationKind,
  type Reservation,
} from "./applications.ts";
import { CapacityKeeper } from "./capacity/keeper.ts";
import { poolsOf } from "./capacity/pools.ts";
import type { Answer, Statement } from "./capacity/statement.ts";
import { applyCompletions, type Completion } from "./completion.ts";
import { beginAudit, listAudit, recordDenied, type AuditDraft, type AuditEntry } from "./audit.ts";
import { HostnameKeeper } from "./hostname-keeper.ts";
import { dropAllHostnames, findByHostname, type HostnameClaim, type HostnameHolder } from "./hostnames.ts";
import type { AccountSample } from "../metrics/account-sample.ts";
import { RequestCounts } from "../metrics/request-counts.ts";
import { ACCOUNT_MIGRATIONS } from "./migrations.ts";
import { correct, examine, removeFromLedger, reserve, settle, unsettled, withdraw, type Verdict } from "./ledger.ts";
import { readSettings, updateSettings, type Settings, type SettingsPatch } from "./limits.ts";
import { cronSeen, overdueCron, unwatchCron, watchCron, type Overdue, type Seen } from "./cron-watch.ts";
import { placesOf } from "./locations.ts";
import type { Ask, Usage } from "./amounts.ts";
import { disown, listOwned, own, type Owned, type OwnedKind } from "./owners.ts";
import { quotaOf, type Quota } from "./quota-view.ts";
import { RateLimiter } from "./rate-limit.ts";
import { dropUses } from "./references.ts";
import { DeniedPushes } from "./denied-pushes.ts";
import { SecretKeeper } from "./secret-keeper.ts";
import { getToken, listTokens, putToken, removeToken, verifyToken, type Token } from "./tokens.ts";

export class Account extends SecretKeeper {
  readonly #db: Database;
  readonly #capacity: CapacityKeeper;
  readonly #hostnames: HostnameKeeper;
  readonly #limiter = new RateLimiter();
  readonly #deniedPushes = new DeniedPushes();
  readonly #running = new Map<string, number>();
  readonly #requests = new RequestCounts();
  readonly #startedAt = Date.now();
  #isErased = false;

  constructor(ctx: DurableObjectState, env: Env) {
    const db = new Database(ctx.storage);
    migrate(db, ACCOUNT_MIGRATIONS);
    super(ctx, env, db);
    this.#db = db;
    this.#hostnames = new HostnameKeeper({
      db,
      clock: () => Date.now(),
      ask: async (application) => await applicationStub(env, application).hostnames(),
    });
    this.#capacity = new CapacityKeeper({
      db,
      clock: Date.now,
      pools: () => poolsOf(this.settings(), env.GANTRY_MAX_INSTANCES),
      claimant: (application) => claimantStub(env, application),
      background: (work) => ctx.waitUntil(work),
    });
  }

  admit(request: AdmissionRequest): Admission {
    this.#requests.add(request.answered ?? []);
    const deps = { db: this.#db, limiter: this.#limiter, running: this.#running };
    return this.#db.transaction(() => admit(deps, request, Date.now()));
  }

  finish(completions: readonly Completion[]): void {
    this.#db.transaction(() => applyCompletions(this.#db, this.#running, completions));
  }

  /** A write that came without a credential. */
  recordAnonymous(draft: AuditDraft): void {
    recordDenied(this.#db, this.#limiter, draft, "UNAUTHORIZED", Date.now());
  }

  /** Of a registry client. */
  recordDeniedPush(draft: AuditDraft, repository: string, code: "UNAUTHORIZED" | "FORBIDDEN"): void {
    const now = Date.now();
    if (!this.#deniedPushes.isNew(repository, draft.actor, now)) return;
    this.#db.transaction(() => recordDenied(this.#db, this.#limiter, draft, code, now));
  }

  /** Of what passes no admission: it is let in by what an earlier request was given. */
  beginAudit(draft: AuditDraft): number {
    return this.#db.transaction(() => beginAudit(this.#db, draft, Date.now()));
  }

  audit(before: number, limit: number): AuditEntry[] {
    return listAudit(this.#db, before, limit);
  }

  reserveName(name: string, id: string, kind: ApplicationKind, namespaceId: string | null = null): Reservation {
    if (this.#isErased) throw new GantryError("ACCOUNT_NOT_FOUND", "Unknown account");
    return reserveName(this.#db, name, id, kind, Date.now(), namespaceId);
  }

  removeApplication(id: string): void {
    this.#db.transaction(() => {
      removeApplication(this.#db, id);
      dropUses(this.#db, id);
      dropAllHostnames(this.#db, id);
      removeFromLedger(this.#db, id);
      releaseOfApplication(this.#db, id, Date.now());
    });
  }

  /** Before a write that gives an application host names: who has them, or nobody, and then they are its own. */
  async claimHostnames(claim: HostnameClaim): Promise<HostnameHolder[]> {
    return await this.#hostnames.claim(claim);
  }

  async examineHostnames(claim: Omit<HostnameClaim, "id">): Promise<HostnameHolder[]> {
    return await this.#hostnames.examine(claim);
  }

  /** That write has ended; `written`: the names that it has left, null when it failed. */
  async settleHostnames(id: string | null, application: string, written: readonly string[] | null): Promise<void> {
    await this.#hostnames.settle(id, application, written);
  }

  applicationAtHost(hostname: string): ApplicationEntry | null {
    return findByHostname(this.#db, hostname);
  }

  settings(): Settings {
    return readSettings(this.#db, this.#id);
  }

  async updateSettings(patch: SettingsPatch, ifMatch: string | null): Promise<Settings> {
    const settings = updateSettings(this.#db, this.#id, patch, ifMatch);
    await this.#capacity.changed();
    return settings;
  }

  /** An application says what it runs and wants, and hears what it may begin. */
  async stateCapacity(application: string, statement: Statement): Promise<Answer> {
    return await this.#capacity.state(application, statement);
  }

  /** The last container of a deleted application is gone. */
  releaseCapacity(application: string): void {
    this.#capacity.remove(application);
  }

  /** Leave for a write to bring an application to what it asks for. What was left open is cleared up before a refusal. */
  async reserve(application: string, ask: Ask, intent: string): Promise<Verdict> {
    const verdict = this.#reserve(application, ask, intent);
    if (verdict.outcome === "granted" || verdict.code !== "SURPASSED_TOTAL_LIMITS") return verdict;
    return (await this.#reconcileLedger()) ? this.#reserve(application, ask, intent) : verdict;
  }

  /** What a reservation would be told; nothing is reserved. */
  async examine(application: string, ask: Ask): Promise<Verdict | null> {
    await this.#reconcileLedger();
    return examine(this.#db, this.settings(), application, ask);
  }

  /** An application says what it is at after the write of `intent`. */
  settle(application: string, usage: Usage, intent: string): void {
    this.#db.transaction(() => settle(this.#db, application, usage, intent, Date.now()));
  }

  /** The write of `intent` was refused. */
  withdraw(application: string, intent: string): void {
    this.#db.transaction(() => withdraw(this.#db, application, intent, Date.now()));
  }

  /** Limits, defaults, locations and what is held, after clearing up what was left open. */
  async quota(): Promise<Quota> {
    await this.#reconcileLedger();
    return quotaOf(this.#db, this.settings(), this.#capacity.view());
  }

  #reserve(application: string, ask: Ask, intent: string): Verdict {
    const settings = this.settings();
    const verdict = this.#db.transaction(() => reserve(this.#db, settings, application, ask, intent, Date.now()));
    if (verdict.outcome === "refused") return verdict;
    const { isLimited } = this.#capacity;
    const brought = { locations: placesOf(settings.locations), ...(isLimited ? { isLimited } : {}) };
    return { ...verdict, grant: { ...verdict.grant, ...brought } };
  }

  /** What an application needs to know to place: where it may be, and the id of the one that it wants to be near. */
  places(companion: string | null): { locations: Location[]; companion: string | null } {
    const entry = companion === null ? null : findApplication(this.#db, companion);
    return { locations: placesOf(this.settings().locations), companion: entry?.id ?? null };
  }

  /** Asks the applications whose last write nobody saw the end of. True when there were any. */
  async #reconcileLedger(): Promise<boolean> {
    const left = unsettled(this.#db, Date.now());
    await inBatches(left, async (id) => {
      try {
        const usage: Usage | null = await applicationStub(this.env, id).usage();
        this.#db.transaction(() => correct(this.#db, id, usage, Date.now()));
      } catch (error) {
        // What is held for one that does not answer stays held.
        console.warn({ message: "ledger.reconcile.failed", application: id, error: describeError(error) });
      }
    });
    return left.length > 0;
  }

  findApplication(idOrName: string): ApplicationEntry | null {
    return findApplication(this.#db, idOrName);
  }

  listApplications(kind: ApplicationKind | null, cursor: string, limit: number): ApplicationEntry[] {
    return listApplications(this.#db, kind, cursor, limit);
  }

  owned(owner: string | null): Owned[] {
    return listOwned(this.#db, owner);
  }

  /** Null: there is no such thing. */
  own(kind: OwnedKind, name: string, owner: string): Owned | null {
    return this.#db.transaction(() => own(this.#db, kind, name, owner, Date.now()));
  }

  disown(kind: OwnedKind, name: string): boolean {
    return this.#db.transaction(() => disown(this.#db, kind, name));
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
    this.#db.transaction(() => {
      removeAccount(this.#db, id);
      removeBlocks(this.#db, id);
    });
  }

  /** Addresses for a deployment, the same each time it asks. One of an application that is being deleted gets none. */
  async takeAddresses(request: AddressRequest): Promise<Addresses> {
    if (findApplication(this.#db, request.application) === null) {
      throw new GantryError("APPLICATION_NOT_FOUND", "application not found", { application: request.application });
    }
    return await takeAddresses(this.#pool, request);
  }

  releaseAddresses(deployment: string): void {
    releaseAddresses(this.#db, deployment, Date.now());
  }

  addresses(): Promise<PlacedAddress[]> {
    return placedAddresses(this.#pool);
  }

  /** As they were given; some may belong to deployments that have gone since. */
  givenAddresses(): Address[] {
    return listAddresses(this.#db);
  }

  addressOwner(address: string): Address | null {
    return findAddress(this.#db, address);
  }

  /** Of the first account's object, which keeps the blocks of all. */
  leaseBlocks(account: string, type: AddressType, known: readonly string[]): string[] {
    const range = rangeOf(this.env, type);
    return range === null ? [] : leaseBlocks(this.#db, account, range, known);
  }

  /** Of the first account's object. */
  accountOfBlock(prefix: string): string | null {
    return accountOfBlock(this.#db, prefix);
  }

  get #pool(): PoolDeps {
    return { db: this.#db, env: this.env, accountId: this.#id };
  }

  /**
   * The account is deleted: nothing is kept of it. False when it has applications, also such as are just being made;
   * a create that was admitted before finds no name here any more.
   */
  async erase(): Promise<boolean> {
    if (listApplications(this.#db, null, "", 1).length > 0) return false;
    this.#isErased = true;
    await this.ctx.storage.deleteAll();
    // A later request finds tables again, and no token.
    migrate(this.#db, ACCOUNT_MIGRATIONS);
    return true;
  }

  /** Accounts' objects are named by their ids. */
  get #id(): string {
    return this.ctx.id.name ?? "";
  }

  /** Of the first account's object, as the three below: the schedules of all accounts. */
  watchCron(application: string, nextAt: number): void {
    watchCron(this.#db, application, nextAt, Date.now());
  }

  unwatchCron(application: string): void {
    unwatchCron(this.#db, application);
  }

  overdueCron(): Overdue[] {
    return overdueCron(this.#db, Date.now());
  }

  cronSeen(seen: readonly Seen[]): void {
    this.#db.transaction(() => cronSeen(this.#db, seen, Date.now()));
  }

  metrics(): AccountSample {
    return { startedAt: this.#startedAt, requests: this.#requests.all(), costs: this.billing() };
  }

  /** What this lifetime of the object has cost so far. */
  billing(): { rowsWritten: number; alarmsSet: number } {
    return { rowsWritten: this.#db.rowsWritten, alarmsSet: 0 };
  }
}
