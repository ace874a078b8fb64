/** Ctrl-C, a closed terminal and `kill` as one AbortSignal; a second request forces. */

/** npm passes on the Ctrl-C that the terminal already sent to us: two within this time are one. */
const SAME_REQUEST_MS = 500;

export interface StopSignalsOptions {
  readonly onStop: () => void;
  readonly onForce: () => void;
}

export function stopSignals({ onStop, onForce }: StopSignalsOptions): { readonly signal: AbortSignal; close(): void } {
  const controller = new AbortController();
  let firstAt = 0;
  const request = () => {
    if (!controller.signal.aborted) {
      firstAt = performance.now();
      onStop();
      controller.abort();
    } else if (performance.now() - firstAt > SAME_REQUEST_MS) {
      onForce();
      process.exit(1);
    }
  };
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of names) process.on(name, request);
  return {
    signal: controller.signal,
    close: () => {
      for (const name of names) process.off(name, request);
    },
  };
}
