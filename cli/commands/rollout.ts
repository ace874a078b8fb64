/** `gantry rollout …`: what an application's rollout is at, what was before, and what people do to it. */
import type { RolloutAction } from "../../src/orchestrator/rollouts/actions.ts";
import type { Api } from "../api.ts";
import type { ConnectionFlags } from "../connection.ts";
import type { Io } from "../io.ts";
import { problem, ProblemsError } from "../problems.ts";
import { follow, type Followed, type Rollout } from "../rollouts.ts";
import { EXIT, timeoutOf, type ExitCode } from "./apply.ts";
import { openApi } from "./context.ts";

export interface RolloutFlags extends ConnectionFlags {
  readonly json?: boolean | undefined;
  /** Default: the newest one. */
  readonly rollout?: string | undefined;
}

export interface StatusFlags extends RolloutFlags {
  readonly timeout?: string | undefined;
}

export interface UndoFlags extends RolloutFlags {
  readonly toVersion?: string | undefined;
}

/** Follows it to its end; where another one takes its place, that one. */
export async function rolloutStatus(io: Io, application: string, flags: StatusFlags): Promise<ExitCode> {
  const deadline = io.now() + timeoutOf(flags.timeout ?? "30m");
  const api = await openApi(io, flags);
  const say = (text: string) => (flags.json === true ? undefined : io.out(`${text}\n`));
  let { id } = await chosen(api, application, flags.rollout);
  for (;;) {
    const followed = await follow({ api, io, deadline, say }, application, id);
    const newest =
      followed.outcome === "replaced" && flags.rollout === undefined ? await newestOf(api, application) : null;
    if (newest === null || newest.id === id) {
      if (flags.json === true) io.out(`${JSON.stringify({ outcome: followed.outcome, rollout: followed.rollout })}\n`);
      else io.out(`rollout ${id}: ${WORDS[followed.outcome](followed)}\n`);
      return EXITS[followed.outcome];
    }
    ({ id } = newest);
  }
}

const EXITS = { completed: EXIT.done, failed: EXIT.failed, replaced: EXIT.failed, late: EXIT.late } as const;
const WORDS: Readonly<Record<Followed["outcome"], (followed: Followed) => string>> = {
  completed: () => "completed",
  failed: ({ rollout }) => (rollout.phase === "stalled" ? "failed" : "reverted"),
  replaced: () => "replaced",
  late: () => "not over by the deadline",
};

export async function rolloutHistory(io: Io, application: string, flags: RolloutFlags): Promise<ExitCode> {
  const api = await openApi(io, flags);
  const { result } = await api.send("GET /applications/{id}/rollouts", { params: { id: application } });
  if (flags.json === true) io.out(`${JSON.stringify(result)}\n`);
  else if (result.length === 0) io.out(`${application} has had no rollout.\n`);
  else io.out(table([["ROLLOUT", "BEGUN", "VERSIONS", "STRATEGY", "STATUS", "DESCRIPTION"], ...result.map(rowOf)]));
  return EXIT.done;
}

function rowOf(rollout: Rollout): string[] {
  const { id, created_at: begun, current_version: from, target_version: to, strategy, phase, reason } = rollout;
  const status = reason === null ? phase : `${phase} (${reason})`;
  return [id, begun.replace(/\.\d+Z$/, "Z"), `${from} → ${to}`, strategy, status, rollout.description];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

export async function rolloutAction(
  io: Io,
  action: RolloutAction,
  application: string,
  flags: RolloutFlags,
): Promise<ExitCode> {
  const api = await openApi(io, flags);
  const { id } = await chosen(api, application, flags.rollout);
  const { result } = await api.send("POST /applications/{id}/rollouts/{rollout}", {
    params: { id: application, rollout: id },
    body: { action },
    idempotencyKey: crypto.randomUUID(),
  });
  if (flags.json === true) io.out(`${JSON.stringify(result)}\n`);
  else if (result.success) io.out(`${result.rollout.message}\n`);
  else io.err(`${result.message}\n`);
  return result.success ? EXIT.done : EXIT.failed;
}

/** A rollout to what ran before. */
export async function rolloutUndo(io: Io, application: string, flags: UndoFlags): Promise<ExitCode> {
  const api = await openApi(io, flags);
  const to = flags.toVersion === undefined ? await versionBefore(api, application) : versionOf(flags.toVersion);
  const { result } = await api.send("POST /applications/{id}/rollouts", {
    params: { id: application },
    body: { description: `undo: back to version ${to}`, strategy: "rolling", target_version: to },
    idempotencyKey: crypto.randomUUID(),
  });
  if (flags.json === true) io.out(`${JSON.stringify(result)}\n`);
  else io.out(`rollout ${result.id} from version ${result.current_version} to ${to}: ${result.message}\n`);
  return EXIT.done;
}

async function versionBefore(api: Api, application: string): Promise<number> {
  const params = { id: application };
  const [{ result: active }, { result: rollouts }] = await Promise.all([
    api.send("GET /applications/{id}", { params }),
    api.send("GET /applications/{id}/rollouts", { params }),
  ]);
  const brought = rollouts.find(({ current_version: from, target_version: to, phase }) => {
    return phase !== "reverted" && from !== to && to === active.version;
  });
  if (brought !== undefined) return brought.current_version;
  const why = `no rollout of ${application} is known that brought version ${active.version}: name one with --to-version`;
  throw new ProblemsError([problem(why)]);
}

function versionOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new ProblemsError([problem("must be a version's number", { field: "--to-version" })]);
}

async function newestOf(api: Api, application: string): Promise<Rollout | null> {
  const { result } = await api.send("GET /applications/{id}/rollouts", {
    params: { id: application },
    query: { limit: "1" },
  });
  return result[0] ?? null;
}

async function chosen(api: Api, application: string, id: string | undefined): Promise<{ readonly id: string }> {
  if (id !== undefined) return { id };
  const newest = await newestOf(api, application);
  if (newest !== null) return newest;
  throw new ProblemsError([problem(`${application} has had no rollout: POST …/rollouts and apply begin one`)]);
}
