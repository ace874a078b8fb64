/** Tells when something changed that the running control plane or a workload image was made of. */
import { existsSync, watch } from "node:fs";
import { basename, join } from "node:path";

const FOLDERS = ["src", "containers"];
const FILES = new Set(["wrangler.jsonc", ".dev.vars"]);

/** An editor or a branch switch changes many files at once. */
const QUIET_MS = 200;

export interface SourceWatch {
  /** Resolves at the next change, at once where there was one since the last call. */
  changed(): Promise<void>;
  close(): void;
}

export function watchSources(projectDir: string): SourceWatch {
  let next = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const note = () => {
    clearTimeout(timer);
    timer = setTimeout(() => next.resolve(), QUIET_MS);
  };
  const watchers = FOLDERS.filter((folder) => existsSync(join(projectDir, folder))).map((folder) =>
    watch(join(projectDir, folder), { recursive: true }, (_event, name) => {
      if (isSource(name)) note();
    }),
  );
  watchers.push(
    watch(projectDir, (_event, name) => {
      if (name !== null && FILES.has(name)) note();
    }),
  );
  return {
    changed: async () => {
      const seen = next;
      await seen.promise;
      if (next === seen) next = Promise.withResolvers<void>();
    },
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}

/** Bundles are written by every start: they must not cause the next. */
export function isSource(path: string | null): boolean {
  if (path === null) return true;
  return (
    !path.split(/[/\\]/).some((part) => part === "dist" || part === "node_modules") &&
    !/\.test\.ts$|^\.|~$/.test(basename(path))
  );
}
