/** What an application's instances are started with beside their version, looked up when they are. */
import type { Database } from "../../database.ts";
import { attemptLaunch } from "../../jobs/prepare.ts";
import { masterKeys } from "../../sealing.ts";
import type { DeploymentStore } from "../deployment-store.ts";
import type { KnownVersion } from "../known-versions.ts";
import type { LaunchOrder } from "../scheduler-deps.ts";
import { egressNow } from "../egress/now.ts";
import { chosenLaunch } from "../start/launch.ts";
import { listVersions, type ApplicationRow } from "../storage/application-row.ts";
import type { ApplicationImages } from "./images.ts";
import { prepareLaunch, releaseAddresses } from "./launch.ts";

/** As the instance's end is called when the platform has no such image. */
const NO_BOOT = "ImageDoesNotBoot";

export interface ApplicationLaunchesDeps {
  readonly env: Env;
  readonly db: Database;
  readonly deployments: DeploymentStore;
  readonly row: () => ApplicationRow | undefined;
  readonly version: (version: number) => KnownVersion;
  readonly images: ApplicationImages;
}

export class ApplicationLaunches {
  readonly #deps: ApplicationLaunchesDeps;

  constructor(deps: ApplicationLaunchesDeps) {
    this.#deps = deps;
  }

  async prepare(order: LaunchOrder): Promise<LaunchOrder> {
    const { env, db, deployments, version } = this.#deps;
    const row = this.#deps.row();
    if (row === undefined) return order;
    const { configuration } = version(order.version).version;
    const deployment = deployments.get(order.deploymentId);
    const asked = { configuration, order };
    const keys = masterKeys(env);
    const launch =
      deployment?.attempt === undefined
        ? await chosenLaunch(db, keys, asked, deployment)
        : await attemptLaunch(db, keys, asked, deployment.attempt);
    const image = await this.#image(launch.configuration.pinned, launch.order);
    const prepared = await prepareLaunch(env, row.accountId, launch.configuration, launch.order);
    return { ...prepared, ...image, egress: egressNow(this.#deps.row() ?? row) };
  }

  /** A snapshot is started in place of the image, which need not be there any more. */
  async #image(pinned: string | undefined, order: LaunchOrder): Promise<{ image?: string }> {
    if (pinned === undefined) return {};
    const { deploymentId, generation, snapshotId } = order;
    if (snapshotId !== undefined) return { image: pinned };
    const last = this.#deps.deployments.get(deploymentId)?.last;
    const doubt = last?.reason === NO_BOOT ? String(generation) : null;
    return { image: await this.#deps.images.startable(pinned, deploymentId, doubt) };
  }

  async releaseAddresses(deploymentId: string): Promise<void> {
    const { env, db, images } = this.#deps;
    images.forget(deploymentId);
    const row = this.#deps.row();
    if (row === undefined || row.deleting) return;
    await releaseAddresses(env, row.accountId, listVersions(db), deploymentId);
  }
}
