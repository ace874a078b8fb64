/**
 * Reads what the init of a container has kept, inside it. Whether it is ready does not matter, since what does not come up
 * is what people read the logs of; and to be read keeps no container awake.
 */
import { positionsAfter, reader, readRing, type NoLogs, type Positions, type RingLine } from "../logs/ring.ts";
import { describeError } from "../errors.ts";
import type { ContainerPort } from "./port.ts";
import type { RunRecord } from "./run-record.ts";

/** Two rings are read in a fraction of it; a container that ends under the command may never answer. */
const EXEC_TIMEOUT_MS = 5_000;
/** In the words of container engines. */
const NO_PROGRAM = /no such file|not found|executable file|code 12[67]/i;

export interface LogReading {
  readonly generation: number;
  readonly lines: readonly RingLine[];
  readonly next: Positions;
  /** Null: they were read. */
  readonly why: NoLogs | null;
}

/** `generation`: of what `after` is of; of any other all is read. */
export async function readLogs(
  record: RunRecord | null,
  port: ContainerPort,
  generation: number,
  after: Positions,
): Promise<LogReading> {
  const nothing = { generation: record?.generation ?? 0, lines: [], next: { stdout: 0, stderr: 0 } };
  if (record === null || record.phase === "ended" || !port.running) return { ...nothing, why: "not_running" };
  const from = record.generation === generation ? after : nothing.next;
  const command = reader(`${record.deploymentId} ${record.generation}`, from);
  try {
    const lines = readRing(await port.exec(command, EXEC_TIMEOUT_MS));
    if (typeof lines === "string") return { ...nothing, why: port.running ? lines : "not_running" };
    return { ...nothing, lines, next: positionsAfter(from, lines), why: null };
  } catch (error) {
    if (!port.running) return { ...nothing, why: "not_running" };
    return { ...nothing, why: NO_PROGRAM.test(describeError(error)) ? "no_shell" : "no_answer" };
  }
}
