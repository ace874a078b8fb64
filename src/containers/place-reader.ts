/**
 * Reads where a container runs, inside it, once per placement: the platform tells nobody else. It begins with the launch,
 * beside the checks, so that it usually is known when the container is ready; whoever has neither a shell nor `env` is
 * somewhere unknown, and nothing waits for that but a place that has to be verified.
 */
import type { ObservedPlace } from "../orchestrator/placement/placing.ts";
import { sleep } from "../sleep.ts";
import type { ContainerPort, Executed } from "./port.ts";

/** Nothing that an image does may hold the look at it for longer. */
export const EXEC_TIMEOUT_MS = 2_000;
/** A container that was just started takes no commands for a moment. */
const RETRY_FIRST_MS = 100;
const ATTEMPTS = 9;
/** No stop waits for longer. */
export const SETTLED_WITHIN_MS = 1_000;

const VARIABLES = ["CLOUDFLARE_LOCATION", "CLOUDFLARE_REGION", "CLOUDFLARE_COUNTRY_A2"] as const;
type Variable = (typeof VARIABLES)[number];

/** The first prints only what is asked for; the second is there in images without a shell. */
const COMMANDS = [["/bin/sh", "-c", VARIABLES.map((name) => `echo "${name}=$${name}"`).join("; ")], ["env"]] as const;
const MAX_VALUE_LENGTH = 64;

export interface PlaceReaderDeps {
  readonly port: ContainerPort;
  /** False: the container is over or about to be, and where it is is nobody's concern. */
  readonly isLive: (generation: number) => boolean;
  readonly onRead: (generation: number, place: ObservedPlace | null) => void;
}

export class PlaceReader {
  readonly #deps: PlaceReaderDeps;
  #generation: number | null = null;
  #asking: Promise<unknown> | null = null;

  constructor(deps: PlaceReaderDeps) {
    this.#deps = deps;
  }

  /** One reading per generation, however often it is asked for. */
  async read(generation: number): Promise<void> {
    if (this.#generation === generation) return;
    this.#generation = generation;
    const { isLive, onRead } = this.#deps;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (attempt > 0) await sleep(RETRY_FIRST_MS * 2 ** (attempt - 1));
      if (!isLive(generation)) return;
      const asking = readPlace(this.#deps.port, () => isLive(generation));
      this.#asking = asking;
      const place = await asking;
      if (this.#asking === asking) this.#asking = null;
      if (!isLive(generation)) return;
      if (place !== undefined) {
        onRead(generation, place);
        return;
      }
    }
    console.log({ message: "container.place.unread", generation });
    onRead(generation, null);
  }

  /**
   * Before a container is ended: a command that begins meanwhile hangs, and the engine tells nothing of that container any
   * more. Resolves when none is under way, soon at the latest; null when none is.
   */
  settled(): Promise<void> | null {
    return this.#asking === null ? null : Promise.race([this.#asking.then(() => undefined), sleep(SETTLED_WITHIN_MS)]);
  }
}

/** Null: the image cannot tell. Undefined: it could not be asked. */
async function readPlace(port: ContainerPort, isWanted: () => boolean): Promise<ObservedPlace | null | undefined> {
  let isAsked = false;
  for (const command of COMMANDS) {
    if (!isWanted()) return undefined;
    let result: Executed;
    try {
      result = await port.exec(command, EXEC_TIMEOUT_MS);
    } catch {
      continue;
    }
    isAsked = true;
    if (result.exitCode === 0) return placeIn(result.output);
  }
  return isAsked ? null : undefined;
}

export function placeIn(output: string): ObservedPlace | null {
  const values = new Map<string, string>();
  for (const line of output.split("\n")) {
    const equals = line.indexOf("=");
    const name = line.slice(0, equals);
    if (VARIABLES.some((variable) => variable === name)) values.set(name, line.slice(equals + 1).trim());
  }
  const read = (name: Variable) => values.get(name)?.slice(0, MAX_VALUE_LENGTH) || null;
  const place = {
    location: read("CLOUDFLARE_LOCATION"),
    region: read("CLOUDFLARE_REGION")?.toUpperCase() ?? null,
    country: read("CLOUDFLARE_COUNTRY_A2"),
  };
  return Object.values(place).every((value) => value === null) ? null : place;
}
