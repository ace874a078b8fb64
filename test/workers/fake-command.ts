/**
 * The command of a job inside the fake container, as its variable `TASK` says: `exit=3 after=20 print=hello trap=7`. It
 * ends after so many milliseconds (`never`: not by itself) with that code; SIGTERM ends it with 143, or the code of `trap`
 * (`ignore`: not at all). `exit-1=3` and `after-1=20` are of index 1 only. `fail-until=3`: attempts before the third exit
 * with 1. `second=0` and `after-second=5`: of an index that has been begun before, by what this process knows of the job. `shell=none`: the
 * image has none.
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
  /** The shell that is to run it is not in the image. */
  readonly isMissing: boolean;
}

/** Indexes of jobs that have been begun. */
const begun = new Set<string>();

export function fakeCommand({ env, entrypoint }: StartOptions): FakeCommand | null {
  const { TASK: script, GANTRY_JOB: job = "", GANTRY_JOB_INDEX: index = "0" } = env;
  if (script === undefined) return null;
  const said = new Map(script.split(" ").map((part) => part.split("=") as [string, string]));
  const of = (name: string) => said.get(`${name}-${index}`) ?? said.get(name);
  const isWrapped = entrypoint?.[3] === "gantry";
  const isMissing = isWrapped && said.get("shell") === "none";
  const failsUntil = Number(said.get("fail-until") ?? 0);
  const isSecond = begun.has(`${job} ${index}`);
  if (!isMissing) begun.add(`${job} ${index}`);
  const code = Number((isSecond ? said.get("second") : undefined) ?? of("exit") ?? 0);
  const after = (isSecond ? said.get("after-second") : undefined) ?? of("after") ?? "2";
  const trap = said.get("trap") ?? "143";
  return {
    isWrapped,
    isMissing,
    printed: said.get("print") ?? "",
    code: Number(env["GANTRY_ATTEMPT"] ?? 0) < failsUntil ? 1 : code,
    endsAt: isMissing || after === "never" ? Infinity : Date.now() + Number(after),
    trap: trap === "ignore" ? null : Number(trap),
    isFetched: false,
  };
}

/** What the watcher prints of it. */
export function fakePrinted({ code, printed }: FakeCommand, isOver: boolean): Uint8Array {
  const size = new TextEncoder().encode(printed).length;
  return new TextEncoder().encode(`${isOver ? code : 255} ${size} 0\n${printed}`);
}
