/** `gantry rollout history`: what has been rolled out, when, for how long, and how it ended. */
import type { Io } from "../io.ts";
import type { Rollout } from "../rollouts.ts";
import { table } from "../table.ts";
import { EXIT, type ExitCode } from "./apply.ts";
import { openApi } from "./context.ts";
import type { RolloutFlags } from "./rollout.ts";

const HEAD = ["ROLLOUT", "BEGUN", "ENDED", "DURATION", "VERSIONS", "STRATEGY", "STATUS", "DESCRIPTION"];

export async function rolloutHistory(io: Io, application: string, flags: RolloutFlags): Promise<ExitCode> {
  const api = await openApi(io, flags);
  const { result } = await api.send("GET /applications/{id}/rollouts", { params: { id: application } });
  if (flags.json === true) io.out(`${JSON.stringify(result)}\n`);
  else if (result.length === 0) io.out(`${application} has had no rollout.\n`);
  else io.out(table([HEAD, ...result.map((rollout) => rowOf(rollout, io.now()))]));
  return EXIT.done;
}

function rowOf(rollout: Rollout, now: number): string[] {
  const { id, created_at: begun, last_updated_at: updated, current_version: from, target_version: to } = rollout;
  const { strategy, status: word, phase, reason, description } = rollout;
  const isOver = word === "completed" || word === "reverted" || word === "replaced";
  const length = (isOver ? Date.parse(updated) : now) - Date.parse(begun);
  const status = reason === null ? phase : `${phase} (${reason})`;
  return [
    id,
    toSecond(begun),
    isOver ? toSecond(updated) : "-",
    lengthText(length),
    `${from} → ${to}`,
    strategy,
  ].concat([status, description]);
}

function toSecond(time: string): string {
  return time.replace(/\.\d+Z$/, "Z");
}

/** The two largest units: `1h5m`, `2m3s`, `40s`. */
export function lengthText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return "0s";
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count}${unit}`).join("");
}
