/** curl, as people download with it. */
import { stat } from "node:fs/promises";
import { tryRun } from "../../../dev/runtime/run.ts";

const LIMIT_MS = 110_000;

export interface Curled {
  /** Its exit code: 18 where an answer ends before its length, 56 where the connection breaks. */
  readonly code: number | null;
  readonly status: number;
  readonly stderr: string;
  /** Bytes in the file; null: there is none. */
  readonly length: number | null;
}

/** Into a file. `options`: more of curl's own. */
export async function curl(url: string, file: string, ...options: readonly string[]): Promise<Curled> {
  const args = ["--silent", "--show-error", "--write-out", "%{http_code}", "--output", file, ...options, url];
  const { code, stdout, stderr } = await tryRun("curl", args, { timeoutMs: LIMIT_MS });
  const length = await stat(file).then(
    ({ size }) => size,
    () => null,
  );
  return { code, status: Number(stdout), stderr, length };
}

export interface Headers {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** `--head` for what HEAD answers; without it the headers of GET, whose body is left alone after its first bytes. */
export async function headersOf(url: string, ...options: readonly string[]): Promise<Headers> {
  const { stdout } = await tryRun(
    "curl",
    ["--silent", "--dump-header", "-", "--output", "/dev/null", ...options, url],
    { timeoutMs: LIMIT_MS },
  );
  const [first = "", ...lines] = stdout.trim().split("\r\n");
  const pairs = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(/^HTTP\/\S+ (\d+)/.exec(first)?.[1]), headers: new Map(pairs) };
}
