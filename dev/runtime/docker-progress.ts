/** What a Docker engine says line by line while it works: pulls and pushes, whose failures come in the lines too. */
import { request } from "node:http";

interface Told {
  readonly error?: string;
  readonly message?: string;
}

export interface ProgressRequest<Line> {
  /** An engine says something now and then while it works; a registry that is gone is waited for no longer than this. */
  readonly silenceMs: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onLine?: (line: Line) => void;
}

/** POSTs, and follows to the end. Null: done; otherwise why not. Rejects where the engine is gone. */
export async function followDocker<Line extends Told>(
  socketPath: string,
  path: string,
  { silenceMs, headers = {}, signal, onLine = () => undefined }: ProgressRequest<Line>,
): Promise<string | null> {
  let failure: string | null = null;
  let rest = "";
  const read = (text: string) => {
    if (text.trim() === "") return;
    const line = JSON.parse(text) as Line;
    failure = line.error ?? line.message ?? failure;
    onLine(line);
  };
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const asked = { socketPath, path, method: "POST", headers: { host: "docker", ...headers } };
  const call = request(signal === undefined ? asked : { ...asked, signal }, (response) => {
    response.setEncoding("utf8").on("data", (text: string) => {
      silence.refresh();
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      try {
        for (const line of lines) read(line);
      } catch (error) {
        call.destroy(error as Error);
      }
    });
    response.on("error", reject);
    response.on("end", () => {
      try {
        read(rest);
        resolve(response.statusCode ?? 0);
      } catch (error) {
        reject(error);
      }
    });
  });
  const silence = setTimeout(() => {
    failure = `the engine said nothing for ${silenceMs} ms`;
    resolve(0);
    call.destroy();
  }, silenceMs);
  call.on("error", reject);
  call.on("close", () => clearTimeout(silence));
  call.end();
  const status = await promise;
  return failure ?? (status === 200 ? null : `the engine answered ${status}`);
}
