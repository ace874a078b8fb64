/**
 * What `npm start` makes of `containers/`, beside the start and after it: secrets, applications and images in the registry.
 * None of it keeps the control plane from working, so that what fails is a line in the log.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { apiOver, type Api } from "../../cli/api.ts";
import { connect } from "../../cli/connection.ts";
import { processIo } from "../../cli/io.ts";
import type { ControlPlane } from "../launcher/control-plane.ts";
import { applySamples, readSamples, samplesToShow, type Sample } from "./applications.ts";
import { pushImages } from "./images.ts";
import { SampleRecord } from "./record.ts";
import { storeSecrets } from "./secrets.ts";

export interface SamplesOptions {
  readonly projectDir: string;
  readonly plane: ControlPlane;
  /** Where the record is kept, beside the state that it is about. */
  readonly persistTo: string;
  readonly dockerSocket: string;
  readonly buildTag: string;
  /** Of `.dev.vars`. */
  readonly values: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Samples {
  /** Names of applications, to be shown. */
  readonly names: readonly string[];
  /** Neither rejects. */
  apply(): Promise<void>;
  pushImages(): Promise<void>;
}

/** Null where they cannot be read, which is a line in the log. */
export async function findSamples(options: SamplesOptions): Promise<Samples | null> {
  const { projectDir, plane, persistTo, log } = options;
  try {
    const io = { ...processIo(), env: {}, cwd: projectDir, sleep: async (ms: number) => await sleep(ms) };
    const api = apiOver(await connect(io, plane), io);
    const record = await SampleRecord.open(persistTo);
    const { host } = new URL(plane.url);
    const samples = await readSamples(projectDir, host);
    const names = await samplesToShow(api, samples, record);
    return {
      names,
      apply: async () => await apply(api, samples, record, options),
      pushImages: async () => {
        const images = samples.map(({ configuration }) => configuration.image);
        const { dockerSocket, buildTag, signal } = options;
        await pushImages(images, { api, host, dockerSocket, buildTag, record, log, signal });
      },
    };
  } catch (error) {
    log(`Could not look for the samples: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

async function apply(
  api: Api,
  samples: readonly Sample[],
  record: SampleRecord,
  { values, log }: SamplesOptions,
): Promise<void> {
  try {
    await storeSecrets(api, [process.env, values], record, log);
    await applySamples(api, samples, record, log);
  } catch (error) {
    log(`Could not make the samples' applications: ${error instanceof Error ? error.message : String(error)}`);
  }
}
