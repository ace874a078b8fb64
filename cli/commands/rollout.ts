/** `gantry rollout …`: what people do to a rollout, and the way back from one. */
import type { RolloutAction } from "../../src/orchestrator/rollouts/actions.ts";
import type { Api } from "../api.ts";
import type { ConnectionFlags } from "../connection.ts";
import type { Io } from "../io.ts";
import { problem, ProblemsError } from "../problems.ts";
import type { Rollout } from "../rollouts.ts";
import { EXIT, type ExitCode } from "./apply.ts";
import { openApi } from "./context.ts";
import { chosen } from "./rollout-status.ts";

export interface RolloutFlags extends ConnectionFlags {
  readonly json?: boolean | undefined;
  /** Default: the newest one. */
  readonly rollout?: string | undefined;
}

export interface UndoFlags extends RolloutFlags {
  readonly toVersion?: string | undefined;
  readonly strategy?: string | undefined;
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

/** A rollout to what ran before, in the way in which what runs has come. */
export async function rolloutUndo(io: Io, application: string, flags: UndoFlags): Promise<ExitCode> {
  const target = flags.toVersion === undefined ? null : versionOf(flags.toVersion, "--to-version");
  const api = await openApi(io, flags);
  const brought = await broughtBy(api, application, target === null);
  const to = target ?? brought?.current_version;
  const { result } = await api.send("POST /applications/{id}/rollouts", {
    params: { id: application },
    body: {
      description: `undo: back to version ${to}`,
      strategy: flags.strategy ?? brought?.strategy ?? "rolling",
      target_version: to,
    },
    idempotencyKey: crypto.randomUUID(),
  });
  if (flags.json === true) io.out(`${JSON.stringify(result)}\n`);
  else io.out(`${begunText(result)}\n`);
  return EXIT.done;
}

export function begunText({ id, current_version: from, target_version: to, message }: Rollout): string {
  return `rollout ${id} from version ${from} to ${to}: ${message}`;
}

/** The rollout that brought what runs; null where none is known, which is refused where it is needed. */
async function broughtBy(api: Api, application: string, isNeeded: boolean): Promise<Rollout | null> {
  const params = { id: application };
  const [{ result: active }, { result: rollouts }] = await Promise.all([
    api.send("GET /applications/{id}", { params }),
    api.send("GET /applications/{id}/rollouts", { params }),
  ]);
  const brought = rollouts.find(({ current_version: from, target_version: to, phase }) => {
    return phase !== "reverted" && from !== to && to === active.version;
  });
  if (brought !== undefined || !isNeeded) return brought ?? null;
  const why =
    rollouts.length === 0
      ? `${application} has had no rollout`
      : `no rollout of ${application} is known that brought version ${active.version}`;
  throw new ProblemsError([problem(`${why}: name a version with --to-version`)]);
}

export function versionOf(text: string, field: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new ProblemsError([problem("must be a version's number", { field })]);
}
