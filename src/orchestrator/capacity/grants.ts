/**
 * What an application's account has granted it to run, and when the account has to hear from it again.
 *
 * All of it is in memory: a new lifetime states what its rows say and hears the same. A pass begins only what a grant in
 * hand covers; what it wants beyond that is stated, and the next pass follows when the answer has come. What has ended is
 * given back when it has ended. Until the account has heard, the scheduler's timer stands, so that a crash loses nothing.
 */
import {
  add,
  fits,
  isLess,
  loadOf,
  NO_LOAD,
  sameLoad,
  scaled,
  subtract,
  type Load,
} from "../../account/capacity/load.ts";
import type { Answer, Shortage, Statement, Want } from "../../account/capacity/statement.ts";
import type { Size } from "../../account/amounts.ts";
import { ANYWHERE } from "../../account/locations.ts";
import { describeError } from "../../errors.ts";
import { blockedRetryMs } from "../placement/placing.ts";
import type { Deployment } from "../plan/deployment.ts";
import type { Allowance } from "./allowance.ts";

export interface GrantsDeps {
  readonly clock: () => number;
  /** Asks the account. */
  readonly state: (statement: Statement) => Promise<Answer>;
  /** There is an answer: another pass. */
  readonly onAnswer: (isLimited: boolean) => void;
  readonly onFailed: (retryAt: number) => void;
}

/** What a pass has come to. */
export interface Passed {
  readonly deployments: () => readonly Deployment[];
  readonly sizeOf: (version: number) => Size;
  /** Of what begins from now on. */
  readonly size: Size;
  readonly priority: number;
  readonly isPreemptible: boolean;
  /** Wanted and not begun, by location. Null: not known at present. */
  readonly unbegun: ReadonlyMap<string, number> | null;
  /** Of those that have a size of their own, the first of each location. It is granted before the others there. */
  readonly unbegunOwn?: ReadonlyMap<string, Size>;
  readonly isLimited: boolean;
  readonly blockedSince: number | null;
}

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 30_000;
/** How soon it is stated again when the answer is lost with this lifetime. */
export const STATE_AGAIN_MS = 10_000;
const ANSWERED_WITHIN_MS = 20_000;
/** Ends that come one after another are told together. */
export const GATHER_MS = 1_000;

export class Grants {
  readonly #deps: GrantsDeps;
  /** Null: not known to this lifetime. */
  #granted: Readonly<Record<string, Load>> | null = null;
  #free: ReadonlyMap<string, number> = new Map();
  #shortage: Shortage | null = null;
  /** What did not fit is not wanted any more, and others wait behind it until the account hears. */
  #withdraws = false;
  /** Sizes of their own that do not fit, by location. */
  readonly #refused = new Map<string, { readonly size: Size; readonly shortage: Shortage }>();
  /** What was last stated and answered; null while that is not known. */
  #stated: string | null = null;
  #number: number;
  #statedAt = 0;
  /** Number of the statement that is under way. */
  #asking: number | null = null;
  #isPoked = false;
  #failures = 0;
  #retryAt = 0;
  #endedAt: number | null = null;
  /** Containers that may be started; null: any number. */
  #starts: number | null = null;
  #startAfter: number | null = null;
  #isRateLimited = false;
  /** Where others are made room for; and how many containers there were when that was last stated. */
  readonly #yielding = new Map<string, number | null>();

  constructor(deps: GrantsDeps) {
    this.#deps = deps;
    this.#number = deps.clock();
  }

  /** Undefined: nothing limits it. */
  allowance(held: () => ReadonlyMap<string, Load>, size: Size, isLimited: boolean): Allowance | undefined {
    const starts = this.#starts;
    if (!isLimited && starts === null) return undefined;
    const paced = { starts: starts ?? Number.POSITIVE_INFINITY, free: this.#free };
    if (!isLimited) return { ...paced, room: () => Number.POSITIVE_INFINITY, shortage: this.#paced() };
    const granted = this.#granted;
    const each = loadOf(size, 1);
    let now: ReadonlyMap<string, Load> | null = null;
    const left = (location: string) => {
      if (this.#yielding.has(location)) return NO_LOAD;
      now ??= held();
      return subtract(granted?.[location] ?? NO_LOAD, now.get(location) ?? NO_LOAD);
    };
    const room = (location: string) => fits(left(location), each);
    return { ...paced, room, measured: { left, each }, shortage: starts === 0 ? this.#paced() : this.#shortage };
  }

  /** That many starts were made. */
  started(count: number): void {
    if (this.#starts !== null) this.#starts = Math.max(0, this.#starts - count);
  }

  /** The platform said that there were too many starts. */
  rateLimited(): void {
    this.#isRateLimited = true;
    this.#starts ??= 0;
  }

  /** Why one of this size of its own does not begin; null when that is not known, or it may. */
  refusalOf(size: Size): Shortage | null {
    const refused = [...this.#refused.values()].find((one) => sameLoad(loadOf(one.size, 1), loadOf(size, 1)));
    return refused?.shortage ?? null;
  }

  /** Something that is waited for may be had. */
  poke(): void {
    this.#isPoked = true;
  }

  /** What ends there makes room for others: it does not begin again before its account has shared that out. */
  yield(location: string): void {
    this.#yielding.set(location, null);
  }

  /** What was granted is not known any more: the account takes what is held for a fact. */
  forget(): number {
    this.#granted = null;
    this.#stated = null;
    this.#number = this.#next(this.#deps.clock());
    return this.#number;
  }

  /** Also greater than what any earlier lifetime has stated. */
  #next(now: number): number {
    return Math.max(this.#number + 1, now);
  }

  /** States what a pass has come to if the account has to hear of it. When to look again; null: nothing is open. */
  passed(passed: Passed): number | null {
    const { isLimited, unbegun, unbegunOwn = new Map<string, Size>(), priority, isPreemptible } = passed;
    // Nobody waits for it any more: whoever comes next asks anew.
    for (const location of this.#refused.keys()) {
      if (!unbegunOwn.has(location)) this.#withdraws = this.#refused.delete(location);
    }
    if (unbegun === null) return this.#granted === null && isLimited ? this.#deps.clock() + STATE_AGAIN_MS : null;
    const waiting = [...unbegun.values()].reduce((sum, count) => sum + count, unbegunOwn.size);
    const needsStarts = this.#starts === 0 && waiting > 0;
    if (!isLimited && !needsStarts && !this.#isRateLimited) return null;
    const wants = wantsOf(heldOf(passed.deployments(), passed.sizeOf), unbegun, unbegunOwn);
    const content = contentOf(wants, passed);
    const yields = wants.some(({ location, held }) => {
      return this.#yielding.has(location) && this.#yielding.get(location) !== held.instances;
    });
    const isKnown = !yields && !this.#withdraws && this.#stated !== null;
    const isAgreed = !isLimited || (isKnown && this.#isGranted(wants, passed.size, content));
    if (isAgreed && !needsStarts && !this.#isRateLimited) {
      this.#endedAt = null;
      return null;
    }
    const now = this.#deps.clock();
    if (this.#isAsking(now)) return now + STATE_AGAIN_MS;
    const at = this.#dueAt(passed, wants, content, isAgreed, yields, now);
    if (at > now) return at;
    this.#number = this.#next(now);
    const statement = { number: this.#number, size: passed.size, priority, isPreemptible, wants };
    // What it has beyond what it holds may go to others from here on.
    if (this.#granted !== null) this.#granted = withoutSurplus(this.#granted, wants);
    this.#stated = null;
    const told = { ...statement, isBound: isLimited, starts: waiting, isRateLimited: this.#isRateLimited };
    void this.#state(told, content, this.#yielded(passed));
    return now + STATE_AGAIN_MS;
  }

  /** An answer comes within moments or not at all. */
  #isAsking(now: number): boolean {
    return this.#asking !== null && now - this.#statedAt < ANSWERED_WITHIN_MS;
  }

  #dueAt(
    passed: Passed,
    wants: readonly Want[],
    content: string,
    isAgreed: boolean,
    yields: boolean,
    now: number,
  ): number {
    const earliest = this.#retryAt;
    if (this.#isRateLimited || yields) return earliest;
    if (isAgreed) return Math.max(earliest, this.#startAfter ?? now);
    if (this.#isPoked || this.#stated === null) return earliest;
    // Nothing is new: it waits for what it has asked for.
    if (this.#stated === content) {
      const statedAt = this.#statedAt;
      return Math.max(earliest, statedAt + blockedRetryMs(passed.blockedSince ?? statedAt, statedAt));
    }
    if (!this.#isOnlyLess(wants, passed)) return earliest;
    this.#endedAt ??= now;
    const isStopping = passed.deployments().some(({ phase }) => phase === "stopping");
    return Math.max(earliest, isStopping ? this.#endedAt + GATHER_MS : now);
  }

  /** It has as much as it has and wants, and its account knows the rest. */
  #isGranted(wants: readonly Want[], size: Size, content: string): boolean {
    if (headOf(content) !== headOf(this.#stated ?? "")) return false;
    const granted = this.#granted ?? {};
    const named = new Set(wants.map(({ location }) => location));
    if (Object.entries(granted).some(([location, load]) => !named.has(location) && load.instances > 0)) return false;
    return wants.every(({ location, held, more, size: own = size }) =>
      sameLoad(granted[location] ?? NO_LOAD, add(held, loadOf(own, more))),
    );
  }

  /** Something has ended, and nothing more is wanted. */
  #isOnlyLess(wants: readonly Want[], { size }: Passed): boolean {
    const granted = this.#granted ?? {};
    return wants.every(
      ({ location, held, more, size: own = size }) =>
        !isLess(granted[location] ?? NO_LOAD, add(held, loadOf(own, more))),
    );
  }

  /** Where nothing is being stopped any more. */
  #yielded({ deployments }: Passed): string[] {
    const stopping = new Set<string>();
    for (const { phase, location = ANYWHERE } of deployments()) if (phase === "stopping") stopping.add(location);
    return [...this.#yielding.keys()].filter((location) => !stopping.has(location));
  }

  #paced(): Shortage | null {
    return this.#startAfter === null ? null : { reason: "StartRate", shortfall: {}, isImpossible: false };
  }

  async #state(statement: Statement, content: string, yielded: readonly string[]): Promise<void> {
    const { clock, state, onAnswer, onFailed } = this.#deps;
    this.#asking = statement.number;
    this.#statedAt = clock();
    this.#isPoked = false;
    this.#withdraws = false;
    this.#isRateLimited = false;
    this.#endedAt = null;
    let answer: Answer;
    try {
      answer = await state(statement);
    } catch (error) {
      if (this.#asking !== statement.number) return;
      this.#asking = null;
      this.#isRateLimited ||= statement.isRateLimited;
      this.#failures += 1;
      this.#retryAt = clock() + Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(this.#failures - 1, 10));
      console.warn({ message: "application.capacity.failed", error: describeError(error) });
      onFailed(this.#retryAt);
      return;
    }
    if (this.#asking !== statement.number) return;
    this.#asking = null;
    this.#failures = 0;
    this.#retryAt = 0;
    this.#take(statement, content, yielded, answer);
    // What was said before it was enlisted does not free it.
    const isOvertaken = statement.number !== this.#number;
    onAnswer(answer.outcome === "stale" || answer.isLimited || isOvertaken);
  }

  #take(statement: Statement, content: string, yielded: readonly string[], answer: Answer): void {
    if (answer.outcome === "stale") {
      this.#number = Math.max(this.#number, answer.number);
      return;
    }
    this.#starts = answer.starts;
    this.#startAfter = answer.startAfter;
    // It was enlisted while this was under way: what it holds is taken for a fact, and it states anew.
    if (statement.number !== this.#number) return;
    this.#granted = answer.isLimited && statement.isBound ? answer.granted : null;
    for (const { location, held } of statement.wants) {
      if (this.#yielding.has(location)) this.#yielding.set(location, held.instances);
    }
    for (const location of yielded) this.#yielding.delete(location);
    this.#stated = this.#granted === null ? null : content;
    this.#free = new Map(Object.entries(answer.free));
    this.#refused.clear();
    for (const { location, size } of statement.wants) {
      const shortage = answer.shortages?.[location];
      if (size !== undefined && shortage !== undefined) this.#refused.set(location, { size, shortage });
    }
    this.#shortage = answer.shortage;
  }
}

/** By location, what its containers take that live or may live. */
export function heldOf(
  deployments: readonly Deployment[],
  sizeOf: (version: number) => Size,
): ReadonlyMap<string, Load> {
  const counts = new Map<string, { readonly location: string; readonly version: number; count: number }>();
  const own: { readonly location: string; readonly size: Size }[] = [];
  for (const { phase, location = ANYWHERE, version, override } of deployments) {
    if (phase === "pending") continue;
    if (override?.size !== undefined) {
      own.push({ location, size: override.size });
      continue;
    }
    const key = `${location} ${version}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { location, version, count: 1 });
    else known.count += 1;
  }
  const held = new Map<string, Load>();
  for (const { location, version, count } of counts.values()) {
    held.set(location, add(held.get(location) ?? NO_LOAD, scaled(loadOf(sizeOf(version), 1), count)));
  }
  for (const { location, size } of own) held.set(location, add(held.get(location) ?? NO_LOAD, loadOf(size, 1)));
  return held;
}

export function wantsOf(
  held: ReadonlyMap<string, Load>,
  unbegun: ReadonlyMap<string, number>,
  unbegunOwn: ReadonlyMap<string, Size> = new Map(),
): Want[] {
  const locations = [...new Set([...held.keys(), ...unbegun.keys(), ...unbegunOwn.keys()])].toSorted();
  return locations.map((location) => {
    const size = unbegunOwn.get(location);
    const want = { location, held: held.get(location) ?? NO_LOAD };
    return size === undefined ? { ...want, more: unbegun.get(location) ?? 0 } : { ...want, more: 1, size };
  });
}

function withoutSurplus(granted: Readonly<Record<string, Load>>, wants: readonly Want[]): Record<string, Load> {
  const held = new Map(wants.map((want) => [want.location, want.held]));
  return Object.fromEntries(
    Object.entries(granted).map(([location, load]) => {
      const own = held.get(location) ?? NO_LOAD;
      return [location, isLess(own, load) ? own : load];
    }),
  );
}

/** What a statement comes to: the same whether something has begun or may begin. */
function contentOf(wants: readonly Want[], { size, priority, isPreemptible }: Passed): string {
  const totals = wants.map(({ location, held, more, size: own }) => {
    const total = add(held, loadOf(own ?? size, more));
    return own === undefined ? [location, total] : [location, total, own];
  });
  return JSON.stringify([priority, isPreemptible]) + JSON.stringify([size, totals]);
}

function headOf(content: string): string {
  return content.slice(0, content.indexOf("]") + 1);
}
