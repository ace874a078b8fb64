/** Lines for a shell. What they name comes from registries, so all of it is quoted. */
import { downloadPath, fileName, type DownloadRequest } from "./requests.ts";

export interface CommandLines {
  /** Run again, it goes on where it was cut. */
  readonly fetch: string;
  readonly load: readonly string[];
}

export function commandLines(request: DownloadRequest, origin: string, user?: string): CommandLines {
  const file = fileName(request);
  const archive = quoted(file);
  const load =
    request.format === "oci"
      ? [
          `skopeo copy oci-archive:${archive} docker-daemon:${quoted(loadedName(request))}`,
          `ctr images import ${archive}`,
        ]
      : [`docker load -i ${archive}`, `ctr images import ${archive}`, `skopeo inspect docker-archive:${archive}`];
  // curl asks for the password: in a line it would be in the shell's history and in the list of processes.
  const login = user === undefined ? "" : `-u ${quoted(user)} `;
  return { fetch: `curl -fC - ${login}-o ${archive} ${quoted(origin + downloadPath(request))}`, load };
}

function loadedName({ images: [first = "image"] }: DownloadRequest): string {
  return first.includes("@") ? first.replace(/@.*/, ":latest") : first;
}

/** One word of a POSIX shell, whatever is in it. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) && !word.startsWith("-") ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
