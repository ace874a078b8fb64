/** Where this control plane makes images startable: a developer's engine, or the managed registry of the platform. */
import { loaderBackend } from "./loader.ts";
import { managedBackend } from "./managed.ts";
import type { Pin } from "./pin.ts";
import type { PreparationState } from "./progress.ts";

export interface ImageBackend {
  /** Resolves with what the platform starts. Throws `ImageFailure`. Doing it again goes on where it was cut off. */
  make(
    pin: Pin,
    accountId: string,
    tell: (progress: { readonly state: PreparationState; readonly percent?: number }) => void,
  ): Promise<string>;
  /** Nobody keeps it any more. */
  drop(pin: Pin, accountId: string): Promise<void>;
}

/** Null where there is none: then only what the Worker was deployed with can be started. */
export function imageBackend(env: Env): ImageBackend | null {
  return loaderBackend(env) ?? managedBackend(env);
}
