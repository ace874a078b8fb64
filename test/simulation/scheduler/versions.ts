/** The versions that every simulated application has: those that work, with checks of each kind, and those that do not. */
import type { Configuration } from "../../../src/api/schemas/configuration.ts";
import { IMAGES } from "./platform.ts";

const HTTP = { type: "http" as const, port: "http", http: { method: "GET" as const, path: "/" }, timeout: "1s" };
const PORTS = [{ name: "http", port: 8080 }];

/** Of those that are called by name; no pool sleeps. */
const SLEEP = { sleep_after: "20s" } as const;

/** One that leaves it to be found out where it listens, one that says so, and one with checks of every kind. */
const CONFIGURATIONS: readonly Configuration[] = [
  { image: "app", ...SLEEP },
  { image: "app", ...SLEEP, ports: PORTS, checks: [{ ...HTTP, kind: "ready" }] },
  {
    image: "app",
    ...SLEEP,
    ports: PORTS,
    startup_deadline: "60s",
    checks: (["startup", "ready", "health"] as const).map((kind) => ({ ...HTTP, kind })),
  },
];
export const CHOICES = CONFIGURATIONS.length;

/**
 * Versions 1 and 3, 2 and 5 start the same thing; 4 never works, 7 works for a while and exits, 8 answers badly now and
 * then.
 */
export const REVISIONS = ["one", "two", "one", "broken", "two", "three", "crashing", "flaky"] as const;
/** Those that are activated without a rollout. */
export const PLAIN_VERSIONS = 5;
export const VERSIONS = REVISIONS.length;

export interface SimulatedVersion {
  readonly configuration: Configuration;
  readonly revision: string;
}

/** `choices`: a configuration for each of the revisions that work. */
export function versionsOf(choices: { readonly one: number; readonly two: number }): readonly SimulatedVersion[] {
  return REVISIONS.map((revision) => {
    if (revision === "one" || revision === "two") return { revision, configuration: pick(choices[revision]) };
    if (revision === "three") return { revision, configuration: { ...pick(1), sleep_after: "21s" } };
    return { revision, configuration: { ...pick(1), image: revision satisfies keyof typeof IMAGES } };
  });
}

function pick(choice: number): Configuration {
  return CONFIGURATIONS[choice % CHOICES] ?? { image: "app" };
}

/** It can be left to itself: it comes to life and stays alive. */
export function isGood({ revision }: SimulatedVersion): boolean {
  return revision !== "broken" && revision !== "crashing";
}

/** Only these may end a container because of what it answers. */
export function mayBeKilled({ configuration }: SimulatedVersion): boolean {
  return (configuration.checks ?? []).some(({ kind }) => kind === "health" || kind === "startup");
}
