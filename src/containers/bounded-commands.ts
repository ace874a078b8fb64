/**
 * Bounds for what the engine may never answer. A command that begins as its container ends hangs there, and workerd, which
 * waits for it, then tells this lifetime of the object nothing of that container any more: neither its end nor its state.
 */
import { GantryError } from "../errors.ts";
import type { CommandPort, ContainerPort, Process } from "./port.ts";

const BEGINS_WITHIN_MS = 10_000;
const INSPECTED_WITHIN_MS = 5_000;
/** Many that are destroyed at once keep the engine busy for seconds. */
const DESTROYED_WITHIN_MS = 5_000;
const SIGKILL = 9;

/** `onHung`: a command has not begun in time. What begins later all the same is killed. */
export function boundedCommands(port: CommandPort, onHung: () => void): CommandPort {
  return {
    snapshot: (name) => port.snapshot(name),
    connect: (number) => port.connect(number),
    spawn: async (command, { beginsWithinMs = Infinity, ...options }) => {
      const begun = port.spawn(command, options);
      const ms = Math.min(beginsWithinMs, BEGINS_WITHIN_MS);
      const answer = await within(begun, ms);
      if (answer !== null) return answer.value;
      begun.then(kill, () => undefined);
      onHung();
      const message = `${command[0] ?? ""} did not begin within ${ms / 1_000} s: its container may be ending. Try again`;
      throw new GantryError("INSTANCE_UNREACHABLE", message, { waited_ms: ms });
    },
  };
}

export type Inspected = Awaited<ReturnType<ContainerPort["inspect"]>>;

/** What the engine says of the container; `silent`: nothing, which only another lifetime of the object may change. */
export async function inspected(port: Pick<ContainerPort, "inspect">): Promise<Inspected | "silent"> {
  const answer = await within(
    port.inspect().catch(() => null),
    INSPECTED_WITHIN_MS,
  );
  return answer === null ? "silent" : answer.value;
}

/** False: nobody says so, and only another lifetime of the object may find it gone. */
export async function isDestroyed(port: Pick<ContainerPort, "destroy">): Promise<boolean> {
  return (await within(port.destroy(), DESTROYED_WITHIN_MS)) !== null;
}

/** Null: not in that time. */
async function within<T>(work: Promise<T>, ms: number): Promise<{ readonly value: T } | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), ms);
  try {
    return await Promise.race([work.then((value) => ({ value })), late]);
  } finally {
    clearTimeout(timer);
  }
}

function kill(process: Process): void {
  try {
    process.kill(SIGKILL);
  } catch {
    // It has ended.
  }
}
