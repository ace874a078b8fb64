/**
 * Objects that die at random points of what they do: before any statement of theirs, before and after any call to another
 * object or to their container. Off unless a test file turns it on, which it does before it calls anything.
 *
 * A death takes what is not written yet, or comes behind the write, or a moment later. It is drawn per world: an account
 * and everything that is called on its behalf, so that tests beside each other have deaths of their own.
 */
import { Random } from "../simulation/random.ts";
import type { FakeContainer } from "./fake-container.ts";

export type Kind = "ACCOUNT" | "APPLICATION" | "INSTANCE";
const KINDS: ReadonlySet<string | symbol> = new Set(["ACCOUNT", "APPLICATION", "INSTANCE"]);
const HOWS = ["now", "kept", "soon"] as const;
/** Points from one death to the next, at most: as many as the longest of the flows has. */
const MOST_POINTS = 150;
const SOON_MS = 4;

let isOn = false;

export function turnOnMortality(): void {
  isOn = true;
}

/** The deaths of one world. */
export class Fate {
  readonly #random: Random;
  readonly objects = new Set<string>();
  /** Who died how, for whoever looks for the reason of a failure. */
  readonly log: string[] = [];
  #left: number;
  #pointsLeft = 0;

  constructor(random: Random, deaths: number) {
    this.#random = random;
    this.#left = deaths;
    this.#draw();
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  end(): void {
    this.#left = 0;
  }

  /** One point further: how to die here, or null. */
  step(who: string, where: string): (typeof HOWS)[number] | null {
    if (this.#left === 0) return null;
    this.#pointsLeft -= 1;
    if (this.#pointsLeft > 0) return null;
    this.#left -= 1;
    this.#draw();
    const how = this.#random.pick(HOWS);
    this.log.push(`${who} ${how} at ${where}`);
    return how;
  }

  /** Few points as often as many: what is short has as many deaths as what is long. */
  #draw(): void {
    this.#pointsLeft = Math.ceil(MOST_POINTS ** this.#random.next());
  }

  momentMs(): number {
    return this.#random.between(0, SOON_MS);
  }
}

/** By object: the world that it belongs to. */
const fates = new Map<string, Fate>();
/** They belong to all. */
const immortal = new Set<string>();

export function adopt(kind: Kind, name: string, fate: Fate): void {
  const key = `${kind}/${name}`;
  if (immortal.has(key) || fates.has(key)) return;
  fates.set(key, fate);
  fate.objects.add(key);
}

export function exempt(kind: Kind, name: string): void {
  immortal.add(`${kind}/${name}`);
}

type Point = (where: string) => void;

/** Puts points into all that the object does with its storage. Returns its point for the rest. */
export function mortal(ctx: DurableObjectState, kind: Kind): Point {
  if (!isOn) return () => undefined;
  const key = `${kind}/${ctx.id.name ?? ""}`;
  const { storage } = ctx;
  let isDead = false;
  let isBuilt = false;
  const die = () => ctx.abort("died in a test");
  const point: Point = (where) => {
    const fate = isDead ? undefined : fates.get(key);
    const how = fate?.step(key, where) ?? null;
    if (fate === undefined || how === null) return;
    isDead = true;
    if (how === "now" && isBuilt) die();
    else if (how === "kept") void storage.sync().then(die, die);
    else setTimeout(die, fate.momentMs());
  };
  // Whoever calls an object that is aborted in its constructor never hears of it, from this version of workerd.
  queueMicrotask(() => (isBuilt = true));
  const sql = new Proxy(storage.sql, {
    get: (target, name) => {
      if (name !== "exec") return bound(target, name);
      return (text: string, ...values: unknown[]) => {
        point(text.slice(0, 40));
        return target.exec(text, ...values);
      };
    },
  });
  const watched = new Proxy(storage, { get: (target, name) => (name === "sql" ? sql : bound(target, name)) });
  Object.defineProperty(ctx, "storage", { value: watched });
  return point;
}

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === "function" ? (value.bind(target) as unknown) : value;
}

/** What the object calls others by: whoever is called belongs to its world, and it may die before and after each call. */
export function mortalEnv(env: Env, fateOf: () => Fate | undefined, point: Point): Env {
  if (!isOn) return env;
  const entries = Object.entries(env).map(([name, value]) => [
    name,
    KINDS.has(name) ? mortalNamespace(name as Kind, value as DurableObjectNamespace, fateOf, point) : value,
  ]);
  return Object.fromEntries(entries) as Env;
}

export function envOf(env: Env, ctx: DurableObjectState, kind: Kind, point: Point): Env {
  return mortalEnv(env, () => fates.get(`${kind}/${ctx.id.name ?? ""}`), point);
}

/** Requests have no life of their own to lose: they only say to which world it belongs what they call. */
export function envOfRequest(env: Env, request: Request): Env {
  const account = /\/accounts\/([0-9a-f]{32})\//.exec(request.url)?.[1];
  const fate = account === undefined ? undefined : fates.get(`ACCOUNT/${account}`);
  return fate === undefined ? env : mortalEnv(env, () => fate, () => undefined); // prettier-ignore
}

function mortalNamespace(kind: Kind, namespace: DurableObjectNamespace, fateOf: () => Fate | undefined, point: Point) {
  return new Proxy(namespace, {
    get: (target, name) => {
      if (name !== "getByName") return bound(target, name);
      return (object: string, options?: DurableObjectNamespaceGetDurableObjectOptions) => {
        const stub = target.getByName(object, options);
        const fate = fateOf();
        if (fate === undefined) return stub;
        adopt(kind, object, fate);
        return mortalCalls(stub, (where) => point(`${where} ${kind}`));
      };
    },
  });
}

/** Before and after each call. */
function mortalCalls<T extends object>(callee: T, point: Point): T {
  return new Proxy(callee, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof name === "symbol" || typeof value !== "function") return value;
      return (...values: unknown[]): unknown => {
        point(`before ${name}`);
        // A stub's method is one more stub, which has no `apply` of its own.
        const answer: unknown = Reflect.apply(value, target, values);
        if (!isPromise(answer)) {
          point(`after ${name}`);
          return answer;
        }
        return answer.then((result) => {
          point(`after ${name}`);
          return result;
        });
      };
    },
  });
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value !== null && (typeof value === "object" || typeof value === "function") && "then" in value;
}

export function mortalContainer(container: FakeContainer, point: Point): FakeContainer {
  return isOn ? mortalCalls(container, (where) => point(`${where} of the container`)) : container;
}
