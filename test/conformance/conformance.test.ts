/**
 * The clients that people already have, unmodified, against one running control plane with real containers. A suite
 * leaves nothing behind for the next one.
 */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { plane, requests, startStage, stopStage } from "./stage.ts";
import { alchemy } from "./suites/alchemy.ts";
import { cloudflareSdk } from "./suites/cloudflare-sdk.ts";
import { wranglerCloudchamber } from "./suites/wrangler-cloudchamber.ts";
import { wranglerContainers } from "./suites/wrangler-containers.ts";
import { wranglerRegistries } from "./suites/wrangler-registries.ts";

beforeAll(startStage);
afterAll(stopStage);
beforeEach(() => void requests());
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

wranglerContainers();
wranglerRegistries();
wranglerCloudchamber();
cloudflareSdk();
alchemy();
