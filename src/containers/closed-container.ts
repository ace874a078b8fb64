/**
 * The base class that the platform's documentation knows, with every seam of it taken over or closed that would poll, write
 * or guess.
 */
import { Container } from "@cloudflare/containers";

export class ClosedContainer extends Container<Env> {
  // The base class schedules an alarm that never rests, renews a timer on every request, and reports a vanished
  // container as exit 0. Its public methods are callable over RPC, so each is either taken over or closed.
  override async scheduleNextAlarm(): Promise<void> {}
  override renewActivityTimeout(): void {}
  override async onActivityExpired(): Promise<void> {}
  override onStop(): void {}
  override onError(error: unknown): void {
    console.warn({ message: "container.base.error", error: String(error) });
  }
  override start(): Promise<void> {
    return closed("start");
  }
  override startAndWaitForPorts(): Promise<void> {
    return closed("startAndWaitForPorts");
  }
  override waitForPort(): Promise<number> {
    return closed("waitForPort");
  }
  override stop(): Promise<void> {
    return closed("stop");
  }
  override destroy(): Promise<void> {
    return closed("destroy");
  }
  override getState(): Promise<never> {
    return closed("getState");
  }
  override schedule(): Promise<never> {
    return closed("schedule");
  }
  override containerFetch(): Promise<Response> {
    return closed("containerFetch");
  }
}

function closed(method: string): Promise<never> {
  return Promise.reject(new Error(`Instance.${method} is not for use: the scheduler decides what runs`));
}
