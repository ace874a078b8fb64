/**
 * The ImagePreparation object: one for each image of an account, by digest, on its way to where the platform starts it:
 * copied and prepared once, however many applications ask. Its row is written before anything is done and its alarm is
 * set before that, so that a crash at any point goes on with the next alarm.
 */
import { DurableObject } from "cloudflare:workers";
import { Database, type Row } from "../../database.ts";
import { describeError } from "../../errors.ts";
import { migrate, type Migration } from "../../migrations.ts";
import { claimantStub } from "../../stubs.ts";
import { imageBackend } from "./backend.ts";
import { parsePin } from "./pin.ts";
import {
  ImageFailure,
  isNews,
  QUIET_TRIES,
  retryDelayMs,
  type PreparationState,
  type PreparationView,
} from "./progress.ts";

const MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_preparation",
    sql: `
CREATE TABLE preparation (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  account TEXT NOT NULL,
  pin TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  image TEXT,
  session TEXT NOT NULL,
  failures INTEGER NOT NULL,
  next_at INTEGER NOT NULL
);
CREATE TABLE users (application TEXT PRIMARY KEY) WITHOUT ROWID;`,
  },
];

interface Stored extends Row {
  account: string;
  pin: string;
  state: PreparationState;
  reason: string | null;
  image: string | null;
  /** Of the launcher: another one may have another engine, or one that has lost it. */
  session: string;
  failures: number;
  next_at: number;
}

/** An alarm that is cut off by a crash comes again by itself; this one is for what is cut off between two. */
const RESUME_MS = 60_000;

export interface PreparationRequest {
  readonly accountId: string;
  readonly pin: string;
  /** It did not start: what was made may be gone. */
  readonly isDoubted?: boolean;
  /** A scheduler object that waits for it, and hears how it goes on. */
  readonly waiting?: string;
  /** An application that keeps it: what nobody keeps is dropped. */
  readonly user?: string;
}

export class ImagePreparation extends DurableObject<Env> {
  readonly #db: Database;
  readonly #waiting = new Set<string>();
  #percent: number | null = null;
  #isWorking = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#db = new Database(ctx.storage);
    migrate(this.#db, MIGRATIONS);
  }

  /** Begins it, or says how it is. */
  async begin({ accountId, pin, waiting, user, isDoubted = false }: PreparationRequest): Promise<PreparationView> {
    if (user !== undefined) this.#db.run("INSERT OR IGNORE INTO users VALUES (?)", user);
    const stored = this.#stored();
    const session = this.env.GANTRY_SESSION;
    const isLost = isDoubted && stored?.state === "ready";
    const isKnown = stored !== undefined && stored.session === session && !isLost;
    // The same image from another registry does not wait for the one that has failed.
    const isDue = stored !== undefined && (stored.next_at <= Date.now() || stored.pin !== pin);
    if (!isKnown || (stored.state === "error" && isDue && !this.#isWorking)) {
      const failures = isKnown ? stored.failures : 0;
      const fresh = { account: accountId, pin, state: "resolving", session } as const;
      this.#write({ ...fresh, reason: null, image: null, failures, next_at: Date.now() });
      await this.ctx.storage.setAlarm(Date.now());
    } else if (isUnderWay(stored) && !this.#isWorking && stored.next_at <= Date.now()) {
      // What an earlier lifetime was at.
      await this.ctx.storage.setAlarm(Date.now());
    }
    const view = this.#mustView();
    if (waiting !== undefined && view.state !== "ready") this.#waiting.add(waiting);
    return { ...view, pin };
  }

  /** Null when nobody has asked for it. */
  view(): PreparationView | null {
    const stored = this.#stored();
    return stored === undefined ? null : viewOf(stored, this.#percent);
  }

  /** The application is gone. What nobody keeps any more is dropped where the platform has it. */
  async release(user: string): Promise<void> {
    this.#db.run("DELETE FROM users WHERE application = ?", user);
    const stored = this.#stored();
    if (stored === undefined || this.#db.one("SELECT 1 FROM users LIMIT 1") !== undefined) return;
    const pin = parsePin(stored.pin);
    const backend = imageBackend(this.env);
    if (pin !== null && backend !== null) await backend.drop(pin, stored.account);
    // Somebody may have come meanwhile: the next begin finds nothing and makes it again.
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    migrate(this.#db, MIGRATIONS);
  }

  override async alarm(): Promise<void> {
    const stored = this.#stored();
    if (stored === undefined || stored.state === "ready" || this.#isWorking) return;
    const { next_at: nextAt } = stored;
    if (nextAt > Date.now()) {
      await this.ctx.storage.setAlarm(nextAt);
      return;
    }
    this.#isWorking = true;
    await this.ctx.storage.setAlarm(Date.now() + RESUME_MS);
    try {
      await this.#work(stored);
    } finally {
      this.#isWorking = false;
    }
  }

  async #work(stored: Stored): Promise<void> {
    const backend = imageBackend(this.env);
    const pin = parsePin(stored.pin);
    try {
      if (backend === null || pin === null) {
        throw new ImageFailure("this control plane has neither a loader of images nor a managed registry", {
          isPassing: false,
        });
      }
      const image = await backend.make(pin, stored.account, ({ state, percent }) =>
        this.#change({ state, reason: null }, percent ?? null),
      );
      this.#change({ state: "ready", reason: null, image, failures: 0 }, null);
      await this.ctx.storage.deleteAlarm();
    } catch (error) {
      const failures = (this.#stored()?.failures ?? 0) + 1;
      const isQuiet = (!(error instanceof ImageFailure) || error.isPassing) && failures < QUIET_TRIES;
      const state = isQuiet ? "mirroring" : "error";
      const nextAt = Date.now() + retryDelayMs(failures);
      console.warn({ message: "image.preparation.failed", pin: stored.pin, failures, error: describeError(error) });
      this.#change({ state, reason: describeError(error), failures, next_at: nextAt }, null);
      // An error is tried again when somebody asks again.
      if (isQuiet) await this.ctx.storage.setAlarm(nextAt);
      else await this.ctx.storage.deleteAlarm();
    }
  }

  #change(
    change: Partial<Pick<Stored, "state" | "reason" | "image" | "failures" | "next_at">>,
    percent: number | null,
  ): void {
    const stored = this.#stored();
    // It was released meanwhile.
    if (stored === undefined) return;
    const before = viewOf(stored, this.#percent);
    const next: Stored = { ...stored, ...change };
    this.#percent = percent;
    if (next.state !== stored.state || next.reason !== stored.reason || next.next_at !== stored.next_at) {
      this.#write(next);
    }
    const after = viewOf(next, percent);
    if (isNews(before, after)) this.#tell(after);
  }

  #tell(view: PreparationView): void {
    for (const name of this.#waiting) {
      const told = claimantStub(this.env, name).imageProgress(view);
      this.ctx.waitUntil(
        // It asks again by itself.
        Promise.resolve(told).catch((error: unknown) =>
          console.warn({ message: "image.preparation.untold", error: describeError(error) }),
        ),
      );
    }
    if (view.state === "ready" || view.state === "error") this.#waiting.clear();
  }

  #stored(): Stored | undefined {
    return this.#db.one<Stored>("SELECT * FROM preparation");
  }

  #mustView(): PreparationView {
    const view = this.view();
    if (view === null) throw new Error("a preparation that was begun is stored");
    return view;
  }

  #write({ account, pin, state, reason, image, session, failures, next_at: nextAt }: Stored): void {
    this.#db.run(
      "INSERT OR REPLACE INTO preparation VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
      account,
      pin,
      state,
      reason,
      image,
      session,
      failures,
      nextAt,
    );
  }
}

function isUnderWay({ state }: Stored): boolean {
  return state !== "ready" && state !== "error";
}

function viewOf({ pin, state, reason, image }: Stored, percent: number | null): PreparationView {
  return { pin, state, percent: state === "mirroring" ? percent : null, reason, image };
}
