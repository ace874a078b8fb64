/** The driver of each kind. */
import type { Driver } from "../driver.ts";
import type { Kind } from "../kinds.ts";
import { accounts } from "./account.ts";
import { applications } from "./application.ts";
import { deployments } from "./deployment.ts";
import { jobs } from "./job.ts";
import { rollouts } from "./rollout.ts";
import { schedules } from "./schedule.ts";
import { secrets } from "./secret.ts";
import { protocols, registries, sshKeys } from "./small.ts";

export const DRIVERS: Readonly<Record<Kind, Driver>> = {
  account: accounts,
  secret: secrets,
  "ssh-key": sshKeys,
  registry: registries,
  protocol: protocols,
  application: applications,
  deployment: deployments,
  rollout: rollouts,
  schedule: schedules,
  job: jobs,
};
