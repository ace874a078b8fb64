/** A launch, from the command line to its end: `npm start` and `npm run dev`. */
import { relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { welcome, type ControlPlane } from "./control-plane.ts";
import { listInstances } from "./janitor.ts";
import { ensureDevVars } from "./dev-vars.ts";
import { Launch } from "./launch-record.ts";
import { isTrouble, openLog } from "./log-file.ts";
import { kill } from "./processes.ts";
import { findSamples } from "../samples/samples.ts";
import { startSession, type Session } from "./session.ts";
import { checkPortIsFree, readSettings } from "./settings.ts";
import { watchSources } from "./source-watch.ts";
import { stopSignals } from "./stop-signals.ts";
import { supervise } from "./supervisor.ts";
import { publishSamples } from "./templates.ts";

export interface LauncherOptions {
  readonly projectDir: string;
  readonly watch: boolean;
  /** PORT, as it is in the environment. */
  readonly port: string | undefined;
  /** Whether the samples become templates in its registry. */
  readonly publishesTemplates: boolean;
  /** Whether they become applications, and their images are pushed to its registry. */
  readonly appliesSamples: boolean;
  readonly print: (line: string) => void;
}

/** Resolves when everything was stopped on request; rejects where Gantry cannot start. */
export async function runLauncher(options: LauncherOptions): Promise<void> {
  const { projectDir, watch, port, print } = options;
  const startedAt = performance.now();
  const settings = await readSettings(projectDir, port);
  const launch = await Launch.claim(settings.stateDir, settings.port, print);
  const groups: number[] = [];
  const signals = stopSignals({
    onStop: () => print("Stopping Gantry and its containers. Ctrl-C again forces it."),
    onForce: () => {
      for (const group of groups) kill(-group, "SIGKILL");
    },
  });
  const sources = watch ? watchSources(projectDir) : undefined;
  try {
    await checkPortIsFree(settings.port);
    const secrets = await ensureDevVars(projectDir, settings.requiredSecrets);
    if (secrets.added.length > 0) print(`Made ${secrets.added.join(", ")} in .dev.vars.`);
    const log = openLog(settings.stateDir, settings.port);
    const note = (line: string) => {
      log.write(line);
      print(line);
    };
    const plane: ControlPlane = {
      url: `http://127.0.0.1:${settings.port}`,
      accountId: settings.accountId,
      token: secrets.values["GANTRY_ADMIN_TOKEN"] ?? "",
    };
    note(`Starting Gantry; the log is ${relative(process.cwd(), log.path) || log.path}.`);
    let restartedAt = startedAt;
    let before = new AbortController();
    await supervise<Session>({
      signal: signals.signal,
      log: (line) => {
        restartedAt = performance.now();
        note(line);
      },
      now: () => performance.now(),
      sleep: (ms, signal) => sleep(ms, undefined, { signal }),
      changed: () => sources?.changed() ?? new Promise(() => undefined),
      waitsForChange: watch,
      start: (signal) =>
        startSession({
          settings,
          plane,
          signal,
          log: note,
          onLine: (line) => {
            log.write(line);
            if (watch || isTrouble(line)) print(line);
          },
          onProcess: (pid) => launch.addProcess(pid),
          onGroup: (pid) => groups.push(pid),
        }),
      onReady: async (session, isFirst) => {
        // Listing the deployments wakes each scheduler, which then sees that the containers of the last run are gone.
        await listInstances(plane.url, plane.token).catch((error: Error) =>
          note(`Could not wake the schedulers: ${error.message}`),
        );
        // What is under way for a control plane that is gone would fail, or do things twice.
        before.abort();
        before = new AbortController();
        const samples = options.appliesSamples
          ? await findSamples({
              projectDir,
              plane,
              persistTo: settings.persistTo,
              dockerSocket: session.dockerSocket,
              buildTag: session.imageTag,
              values: secrets.values,
              log: note,
              signal: AbortSignal.any([before.signal, signals.signal]),
            })
          : null;
        const background = async () => {
          await samples?.apply();
          if (options.publishesTemplates) await publishSamples(projectDir, plane, note);
          await samples?.pushImages();
        };
        const seconds = ((performance.now() - restartedAt) / 1000).toFixed(1);
        if (!isFirst) {
          note(`Gantry answers again, after ${seconds} s.`);
          void background();
          return;
        }
        for (const line of session.standIns) note(`Stand-in: ${line}.`);
        note(`Gantry is ready, after ${seconds} s.`);
        print(welcome(plane, samples?.names ?? []));
        void background();
      },
    });
  } finally {
    sources?.close();
    signals.close();
    launch.release();
  }
}
