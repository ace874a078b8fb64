/**
 * Which files a dynamically linked program needs beside itself, as `ldd` names them.
 */
import { run } from "./run.ts";

export async function sharedLibraries(program: string): Promise<string[]> {
  return parseLdd(await run("ldd", [program]));
}

/** Absolute paths only: the kernel provides linux-vdso itself. A library that is missing is an error here, not later. */
export function parseLdd(output: string): string[] {
  const paths = new Set<string>();
  for (const line of output.split("\n")) {
    if (line.includes("not found")) throw new Error(`a shared library is missing: ${line.trim()}`);
    const path = /(?:=>\s+)?(\/\S+)\s+\(0x[0-9a-f]+\)/.exec(line)?.[1];
    if (path !== undefined) paths.add(path);
  }
  return [...paths];
}
