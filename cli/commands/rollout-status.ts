/** What a rollout is at, followed until it does nothing more by itself, and how it ended as an exit code. */
import type { Api } from "../api.ts";
import type { Io } from "../io.ts";
import { problem, ProblemsError } from "../problems.ts";
import { follow, lineOf, outcomeOf, stepIn, type Followed, type Outcome, type Rollout } from "../rollouts.ts";
import { EXIT, timeoutOf, type ExitCode } from "./apply.ts";
import { openApi } from "./context.ts";
import type { RolloutFlags } from "./rollout.ts";

export interface StatusFlags extends RolloutFlags {
  readonly timeout?: string | undefined;
  readonly once?: boolean | undefined;
}

export const FOLLOWED_FOR = "30m";

const EXITS: Readonly<Record<Outcome, ExitCode>> = {
  completed: EXIT.done,
  waiting: EXIT.done,
  paused: EXIT.done,
  failed: EXIT.failed,
  replaced: EXIT.failed,
  late: EXIT.late,
};

export async function rolloutStatus(io: Io, application: string, flags: StatusFlags): Promise<ExitCode> {
  const deadline = io.now() + timeoutOf(flags.timeout ?? FOLLOWED_FOR);
  const api = await openApi(io, flags);
  const { id } = await chosen(api, application, flags.rollout);
  if (flags.once !== true) return await followed({ api, io, flags, deadline }, application, id);
  const { result: rollout } = await api.send("GET /applications/{id}/rollouts/{rollout}", {
    params: { id: application, rollout: id },
  });
  const outcome = outcomeOf(rollout);
  if (flags.json === true) io.out(`${JSON.stringify({ outcome, rollout })}\n`);
  else io.out(`rollout ${id}: ${lineOf(rollout)}\n`);
  return outcome === null ? EXIT.done : EXITS[outcome];
}

export interface FollowingOne {
  readonly api: Api;
  readonly io: Io;
  readonly flags: Pick<StatusFlags, "json" | "rollout">;
  readonly deadline: number;
}

/** Where another one takes its place, that one, unless it was asked for by its id. */
export async function followed({ api, io, flags, deadline }: FollowingOne, application: string, first: string) {
  const say = (text: string) => (flags.json === true ? undefined : io.out(`${text}\n`));
  for (let id = first; ;) {
    const end = await follow({ api, io, deadline, say }, application, id);
    const newest = end.outcome === "replaced" && flags.rollout === undefined ? await newestOf(api, application) : null;
    if (newest === null || newest.id === id) {
      if (flags.json === true) io.out(`${JSON.stringify({ outcome: end.outcome, rollout: end.rollout })}\n`);
      else io.out(`rollout ${id}: ${WORDS[end.outcome](end, application)}\n`);
      return EXITS[end.outcome];
    }
    ({ id } = newest);
  }
}

const WORDS: Readonly<Record<Outcome, (followed: Followed, application: string) => string>> = {
  completed: () => "completed",
  failed: ({ rollout }, application) => {
    if (rollout.phase !== "paused") return rollout.phase === "stalled" ? "failed" : "reverted";
    return `a gate has paused it at ${stepIn(rollout)}: gantry rollout resume ${application} goes on`;
  },
  replaced: () => "replaced",
  waiting: ({ rollout }, application) =>
    `waits for somebody to say next after ${stepIn(rollout)}: gantry rollout next ${application} goes on`,
  paused: ({ rollout }, application) => `is paused at ${stepIn(rollout)}: gantry rollout resume ${application} goes on`,
  late: () => "not over by the deadline",
};

export async function newestOf(api: Api, application: string): Promise<Rollout | null> {
  const { result } = await api.send("GET /applications/{id}/rollouts", {
    params: { id: application },
    query: { limit: "1" },
  });
  return result[0] ?? null;
}

export async function chosen(api: Api, application: string, id: string | undefined): Promise<{ readonly id: string }> {
  if (id !== undefined) return { id };
  const newest = await newestOf(api, application);
  if (newest !== null) return newest;
  throw new ProblemsError([
    problem(`${application} has had no rollout: gantry rollout start, gantry apply and POST …/rollouts begin one`),
  ]);
}
