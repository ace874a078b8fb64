/**
 * The command of a job inside the fake container, as its variable `TASK` says: `exit=3 after=20 print=hello trap=7`. It
 * ends after so many milliseconds (`never`: not by itself) with that code; SIGTERM ends it with 143, or the code of `trap`
 * (`ignore`: not at all). `fail-until=3`: attempts before the third exit with 1.
 */
import type { StartOptions } from "../../src/containers/port.ts";

export interface FakeCommand {
  /** A shell keeps its outcome, and waits for that to be fetched. */
  readonly isWrapped: boolean;
  readonly printed: string;
  code: number;
  /** When it ends; infinite when it does not. */
  endsAt: number;
  /** Of one that SIGTERM ends. */
  readonly trap: number | null;
  isFetched: boolean;
}

export function fakeCommand({ env, entrypoint }: StartOptions): FakeCommand | null {
  const { TASK: script } = env;
  if (script === undefined) return null;
  const said = new Map(script.split(" ").map((part) => part.split("=") as [string, string]));
  const attempt = Number(env["GANTRY_ATTEMPT"] ?? 0);
  const failsUntil = Number(said.get("fail-until") ?? 0);
  const after = said.get("after") ?? "2";
  const trap = said.get("trap") ?? "143";
  return {
    isWrapped: entrypoint?.[3] === "gantry",
    printed: said.get("print") ?? "",
    code: attempt < failsUntil ? 1 : Number(said.get("exit") ?? 0),
    endsAt: after === "never" ? Infinity : Date.now() + Number(after),
    trap: trap === "ignore" ? null : Number(trap),
    isFetched: false,
  };
}

/** What the watcher prints of it. */
export function fakePrinted({ code, printed }: FakeCommand, isOver: boolean): Uint8Array {
  const size = new TextEncoder().encode(printed).length;
  return new TextEncoder().encode(`${isOver ? code : 255} ${size} 0\n${printed}`);
}
