/** The container's side of `Terminal`. */
import type { TerminalSize } from "../calls/terminal.ts";
import type { TestSocket } from "./sockets.ts";
import type { TerminalSession } from "./types.ts";

interface Frame {
  readonly exec?: { command: string; args: readonly string[]; size: TerminalSize };
  readonly resize?: TerminalSize;
}

export function serveTerminal(socket: TestSocket, run: (session: TerminalSession) => void): void {
  const inputs: ((keys: Uint8Array) => void)[] = [];
  const resizes: ((size: TerminalSize) => void)[] = [];
  socket.addEventListener("message", (event) => {
    const { data } = event as MessageEvent;
    if (typeof data !== "string") {
      for (const listener of inputs) listener(new Uint8Array(data as ArrayBuffer));
      return;
    }
    const { exec, resize } = JSON.parse(data) as Frame;
    if (resize !== undefined) for (const listener of resizes) listener(resize);
    if (exec === undefined) return;
    run({
      ...exec,
      write: (output) => socket.send(typeof output === "string" ? new TextEncoder().encode(output) : output),
      onInput: (listener) => inputs.push(listener),
      onResize: (listener) => resizes.push(listener),
      exit(exitCode) {
        socket.send(JSON.stringify({ exitCode }));
        socket.close(1000, "the command ended");
      },
    });
  });
}
