/**
 * What an application knows of where it may place: a copy of the account's locations, of where the application is that it
 * wants to be near, and of where starts have just failed. All of it is in memory, because all of it can be asked again.
 *
 * A pass is synchronous, so that it places by what is in hand or not at all; then it asks, and passes again when the
 * answer has come. A write brings the locations along with its grant, so that most passes have nothing to ask.
 */
import { describeError } from "../../errors.ts";
import type { Blocked, ApplicationSpec } from "../storage/application-row.ts";
import type { Location } from "./location.ts";
import type { Where } from "./placing.ts";

/** A location that is disabled gets nothing new from then on. */
export const FRESH_MS = 5_000;
/** What waits for a location to be enabled looks anew each time. */
const FRESH_WHEN_BLOCKED_MS = 500;
/** Where a start failed, the next ones do not go for as long. */
export const FAILING_MS = 60_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 30_000;
/** Nearness is a wish: whoever does not answer has no say. */
const COMPANION_TIMEOUT_MS = 2_000;

export interface PlacesAnswer {
  readonly locations: readonly Location[];
  /** Id of the application to be near; null when there is none. */
  readonly companion: string | null;
}

export interface PlacesDeps {
  readonly clock: () => number;
  /** Asks the account. `companion`: id or name of the application to be near. */
  readonly ask: (companion: string | null) => Promise<PlacesAnswer>;
  /** Asks an application for its live instances by location. */
  readonly count: (applicationId: string) => Promise<Readonly<Record<string, number>>>;
  /** Something is known that was not. */
  readonly onKnown: () => void;
  readonly onFailed: (retryAt: number) => void;
}

type Spec = Pick<ApplicationSpec, "constraints" | "colocation">;

export class Places {
  readonly #deps: PlacesDeps;
  #locations: { readonly list: readonly Location[]; readonly at: number } | null = null;
  #companions: { readonly of: string; readonly counts: Readonly<Record<string, number>>; readonly at: number } | null =
    null;
  readonly #failedAt = new Map<string, number>();
  #asking: Promise<void> | null = null;
  #failures = 0;
  #retryAt = 0;

  constructor(deps: PlacesDeps) {
    this.#deps = deps;
  }

  /** The account's, as a write brought them along. */
  learn(locations: readonly Location[] | undefined): void {
    if (locations !== undefined) this.#locations = { list: locations, at: this.#deps.clock() };
  }

  /** What is written now is placed by what is true now. */
  expire(): void {
    this.#locations = null;
  }

  /** A start failed there. */
  failed(location: string): void {
    this.#failedAt.set(location, this.#deps.clock());
  }

  /** Where starts failed, and when. */
  get failures(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#failedAt);
  }

  /** Starts of other objects of the application failed there. */
  learnFailures(failures: Readonly<Record<string, number>>): void {
    for (const [location, at] of Object.entries(failures)) {
      this.#failedAt.set(location, Math.max(at, this.#failedAt.get(location) ?? 0));
    }
  }

  /** The locations in hand, however old. */
  get known(): readonly Location[] | null {
    return this.#locations?.list ?? null;
  }

  /** Null: it has to be asked first. */
  where(spec: Spec, blocked: Blocked | null): Where | null {
    const { constraints, colocation } = spec;
    const now = this.#deps.clock();
    const freshMs = blocked === null ? FRESH_MS : FRESH_WHEN_BLOCKED_MS;
    const locations = this.#locations;
    if (locations === null || now - locations.at > freshMs) return null;
    const companion = companionIn(spec);
    const companions = this.#companions;
    const isKnown = companion === null || (companions?.of === companion && now - companions.at <= FRESH_MS);
    if (!isKnown) return null;
    for (const [code, at] of this.#failedAt) if (now - at > FAILING_MS) this.#failedAt.delete(code);
    const { isVerified: _, ...within } = constraints ?? {};
    return {
      locations: locations.list,
      constraints: within,
      companions: companion === null ? (colocation === "datacenter" ? "own" : null) : (companions?.counts ?? {}),
      failing: new Set(this.#failedAt.keys()),
    };
  }

  /** Asks, unless it is asking; what comes of it is told. One that failed is not asked again before its time. */
  ask(spec: Spec): void {
    const now = this.#deps.clock();
    if (this.#asking !== null) return;
    if (this.#retryAt > now) {
      this.#deps.onFailed(this.#retryAt);
      return;
    }
    void this.refresh(spec).then((isKnown) => {
      if (isKnown) this.#deps.onKnown();
      else this.#deps.onFailed(this.#retryAt);
    });
  }

  /** False when there was no answer. */
  async refresh(spec: Spec): Promise<boolean> {
    this.#asking ??= this.#refresh(spec).finally(() => {
      this.#asking = null;
    });
    await this.#asking;
    return this.#failures === 0;
  }

  async #refresh(spec: Spec): Promise<void> {
    const { ask, clock } = this.#deps;
    const companion = companionIn(spec);
    const askedAt = clock();
    try {
      const answer = await ask(companion);
      const counts = companion === null ? null : await this.#counts(answer.companion);
      // As old as the question, so that a location that was disabled meanwhile counts.
      this.#locations = { list: answer.locations, at: askedAt };
      if (companion !== null && counts !== null) this.#companions = { of: companion, counts, at: askedAt };
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.#retryAt = clock() + Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(this.#failures - 1, 10));
      console.warn({ message: "application.places.failed", error: describeError(error) });
    }
  }

  async #counts(companion: string | null): Promise<Readonly<Record<string, number>>> {
    if (companion === null) return {};
    const { promise, resolve } = Promise.withResolvers<Readonly<Record<string, number>>>();
    const timer = setTimeout(() => resolve({}), COMPANION_TIMEOUT_MS);
    try {
      return await Promise.race([this.#deps.count(companion), promise]);
    } catch (error) {
      console.warn({ message: "application.companion.failed", companion, error: describeError(error) });
      return {};
    } finally {
      clearTimeout(timer);
    }
  }
}

function companionIn({ colocation }: Spec): string | null {
  return colocation == null || colocation === "datacenter" ? null : colocation.application;
}
