/**
 * The mutants that are known to survive, each with why: `survivors.json`, by file and reason. What is listed is the line
 * and what becomes of it, without its number. `SURVIVORS.md` is the same for people.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { Survivor } from "./report.ts";

const LIST = join(import.meta.dirname, "survivors.json");

/** By file, then by reason: changes, as in a report. */
export type Known = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const known = z.record(z.string(), z.record(z.string().min(1), z.array(z.string()).min(1)));

export async function readKnown(): Promise<Known> {
  return known.parse(JSON.parse(await readFile(LIST, "utf8")));
}

export interface Compared {
  /** Nobody has said why they survive. */
  readonly unexplained: readonly Survivor[];
  readonly explained: readonly (Survivor & { readonly reason: string })[];
  /** Listed, and noticed by a test, or not there any more. */
  readonly outdated: readonly string[];
}

export function compare(reasons: Known[string] | undefined, survivors: readonly Survivor[]): Compared {
  const listed = Object.entries(reasons ?? {}).flatMap(([reason, changes]) =>
    changes.map((change) => [change, reason] as const),
  );
  const reasonOf = new Map(listed);
  const found = new Set(survivors.map(({ change }) => change));
  return {
    unexplained: survivors.filter(({ change }) => !reasonOf.has(change)),
    explained: survivors.flatMap((survivor) => {
      const reason = reasonOf.get(survivor.change);
      return reason === undefined ? [] : [{ ...survivor, reason }];
    }),
    outdated: listed.map(([change]) => change).filter((change) => !found.has(change)),
  };
}

/** The list as a page. */
export function pageOf(list: Known): string {
  const count = Object.values(list).flatMap((reasons) => Object.values(reasons).flat()).length;
  const files = Object.entries(list).map(([file, reasons]) => {
    const groups = Object.entries(reasons).map(([reason, changes]) => {
      const lines = changes.map((change) => `    ${change}`);
      return `${reason}:\n\n${lines.join("\n")}\n`;
    });
    return `## ${file}\n\n${groups.join("\n")}`;
  });
  const intro = [
    "# Mutants that survive",
    "",
    `${count} changes of the code that no test notices, and why ([how they are found](../../docs/simulation.md#mutation-testing)).`,
    "Written by `npm run mutation -- --page` from `survivors.json`. Each is the line, what is changed in it",
    "(`kind@column`) and into what; a mutant that is not listed is printed as `NEW` by `npm run mutation`.",
    "",
    "",
  ];
  return intro.join("\n") + files.join("\n");
}
