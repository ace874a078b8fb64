/**
 * What a launch starts: the image of its version, once it can be started. Until then the order waits, as one that has not
 * arrived, and is sent again when the image has come; each step on the way is an event of the application.
 */
import type { Database, Row } from "../../database.ts";
import { describeError, GantryError } from "../../errors.ts";
import { isNews, type PreparationView } from "../../registry/images/progress.ts";
import { imagePreparationStub } from "../../stubs.ts";
import { appendEvents, type EventDraft } from "../events.ts";
import { listVersions } from "../storage/application-row.ts";
import { NotYet } from "../not-yet.ts";

/** Images that this application has asked for: it keeps them, until it is gone. */
export const IMAGES_SCHEMA = "CREATE TABLE images (pin TEXT PRIMARY KEY) WITHOUT ROWID;";

/** Whoever is not told asks again. */
const ASK_AGAIN_MS = 5_000;

interface Known {
  readonly view: PreparationView;
  readonly askedAt: number;
}

export interface ApplicationImagesDeps {
  readonly env: Env;
  readonly db: Database;
  readonly clock: () => number;
  /** Its account, and under which name this object is called back. Null when it is gone. */
  readonly owner: () => { readonly accountId: string; readonly claimant: string } | null;
  /** An image is ready, or will not be: what waits is sent now. */
  readonly onSettled: () => void;
}

export class ApplicationImages {
  readonly #deps: ApplicationImagesDeps;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<PreparationView>>();
  /** Which image each placement waits for, or has waited for, and when that was seen last. */
  readonly #waited = new Map<string, { readonly digest: string; readonly seenAt: number }>();

  readonly #doubts = new Map<string, string>();

  constructor(deps: ApplicationImagesDeps) {
    this.#deps = deps;
  }

  /**
   * The platform's name of it. Throws `NotYet` while it is on its way, and what refuses the launch when it failed. `doubt`:
   * the start before this one did not boot; the image may be gone from where it was made, and is looked for once.
   */
  async startable(pin: string, deploymentId: string, doubt: string | null = null): Promise<string> {
    const digest = digestOf(pin);
    if (doubt !== null && this.#doubts.get(deploymentId) !== doubt) {
      this.#doubts.set(deploymentId, doubt);
      await this.#begin(pin, true);
    }
    const known = this.#known.get(digest);
    if (known?.view.state === "ready" && known.view.image !== null) return known.view.image;
    const isFresh = known !== undefined && known.askedAt + ASK_AGAIN_MS > this.#deps.clock();
    const view = isFresh && known.view.state !== "error" ? known.view : await this.#ask(pin);
    const isWaiting = view.state !== "ready" && view.state !== "error";
    if (isWaiting || this.#waited.has(deploymentId))
      this.#waited.set(deploymentId, { digest, seenAt: this.#deps.clock() });
    if (view.state === "ready" && view.image !== null) return view.image;
    if (view.state === "error") {
      throw new GantryError("IMAGE_REGISTRY_RETURNED_ERROR", view.reason ?? `${pin} cannot be made startable`, {
        image: pin,
      });
    }
    throw new NotYet(`${pin} is on its way: ${view.state}`);
  }

  /** Its time to start begins then; 0 where it has not waited. */
  waitedUntil(deploymentId: string): number {
    const waited = this.#waited.get(deploymentId);
    if (waited === undefined) return 0;
    const state = this.#known.get(waited.digest)?.view.state;
    return state === "ready" || state === "error" ? waited.seenAt : this.#deps.clock();
  }

  forget(deploymentId: string): void {
    this.#waited.delete(deploymentId);
    this.#doubts.delete(deploymentId);
  }

  /** How an image that was asked for goes on. */
  progress(view: PreparationView): void {
    if (this.#deps.owner() === null) return;
    const isSettled = view.state === "ready" || view.state === "error";
    const digest = digestOf(view.pin);
    for (const [id, waited] of this.#waited) {
      if (waited.digest === digest) this.#waited.set(id, { digest, seenAt: this.#deps.clock() });
    }
    this.#learn(view);
    if (isSettled) this.#deps.onSettled();
  }

  /** The application is gone. */
  async release(accountId: string, claimant: string): Promise<void> {
    const { env, db } = this.#deps;
    const asked = db.all<{ pin: string } & Row>("SELECT pin FROM images").map(({ pin }) => pin);
    const stored = listVersions(db).flatMap(({ configuration: { pinned } }) => (pinned === undefined ? [] : [pinned]));
    await Promise.all(
      [...new Set([...asked, ...stored])].map(async (pin) => {
        try {
          await imagePreparationStub(env, accountId, pin).release(claimant);
        } catch (error) {
          // What is left takes place, and nothing else.
          console.warn({ message: "image.release.failed", pin, error: describeError(error) });
        }
      }),
    );
  }

  async #ask(pin: string): Promise<PreparationView> {
    const asking = this.#asking.get(pin) ?? this.#begin(pin);
    this.#asking.set(pin, asking);
    try {
      return await asking;
    } finally {
      this.#asking.delete(pin);
    }
  }

  async #begin(pin: string, isDoubted = false): Promise<PreparationView> {
    const { env, db } = this.#deps;
    const owner = this.#deps.owner();
    if (owner === null) throw new Error("the application is gone");
    const { accountId, claimant } = owner;
    const isNew = db.one("SELECT 1 FROM images WHERE pin = ?", pin) === undefined;
    if (isNew) db.run("INSERT OR IGNORE INTO images VALUES (?)", pin);
    const request = { accountId, pin, waiting: claimant, user: claimant, ...(isDoubted ? { isDoubted } : {}) };
    const view: PreparationView = await imagePreparationStub(env, accountId, pin).begin(request);
    this.#learn(view);
    return view;
  }

  #learn(view: PreparationView): void {
    const digest = digestOf(view.pin);
    const before = this.#known.get(digest)?.view;
    this.#known.set(digest, { view, askedAt: this.#deps.clock() });
    // What was ready before anybody waited for it is no news.
    if (before === undefined ? view.state === "ready" : !isNews(before, view)) return;
    appendEvents(this.#deps.db, [eventOf(view)], this.#deps.clock());
  }
}

function digestOf(pin: string): string {
  return pin.slice(pin.indexOf("@") + 1);
}

const NAMES = {
  resolving: "ImageResolving",
  mirroring: "ImageMirroring",
  preparing: "ImagePreparing",
  ready: "ImageReady",
  error: "ImageError",
} as const satisfies Record<PreparationView["state"], string>;

function eventOf({ pin, state, percent, reason }: PreparationView): EventDraft {
  const said = {
    resolving: `${pin} is being looked for`,
    mirroring: reason === null ? `${pin} is being fetched: ${percent ?? 0} %` : `${pin} is fetched again: ${reason}`,
    preparing: `${pin} is being prepared`,
    ready: `${pin} can be started`,
    error: `${pin} cannot be started: ${reason ?? "unknown"}`,
  };
  return {
    type: state === "error" ? "Error" : "Info",
    name: NAMES[state],
    message: said[state],
    details: {
      image: pin,
      ...(percent === null ? {} : { percent }),
      ...(reason === null ? {} : { reason }),
    },
  };
}
