/** What a configuration refers to by name, and which of an application's configurations still count. Pure. */
import type { StoredConfiguration } from "./configurations.ts";
import type { EgressPolicy } from "../egress/policy/policy.ts";
import { ownImageName } from "../registry/images/pin.ts";
import { protocolOf } from "../registry/resolve-image.ts";
import { isLive, type Deployment } from "./plan/deployment.ts";
import { nameOf } from "./names.ts";
import type { Schedule } from "../jobs/schedules/schedule.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

export type ReferenceKind = "secret" | "ssh-key" | "protocol" | "image";

export interface Reference {
  readonly kind: ReferenceKind;
  /** A secret's name, a key's id, a protocol's name; `<repository>@<digest>` of an image in Gantry's own registry. */
  readonly name: string;
}

/** With the field that each stands in, as errors name it. */
export function referencesOf(configuration: StoredConfiguration): (Reference & { readonly field: string })[] {
  const protocol = protocolOf(configuration.image);
  const image = ownImageName(configuration.pinned);
  return [
    ...(configuration.secrets ?? []).map(({ secret }, index) => ({
      kind: "secret" as const,
      name: secret,
      field: `secrets[${index}].secret`,
    })),
    ...(configuration.ssh_public_key_ids ?? []).map((name, index) => ({
      kind: "ssh-key" as const,
      name,
      field: `ssh_public_key_ids[${index}]`,
    })),
    ...(protocol === null ? [] : [{ kind: "protocol" as const, name: protocol, field: "image" }]),
    ...(image === null ? [] : [{ kind: "image" as const, name: image, field: "image" }]),
  ];
}

/** Credentials are resolved for each request: what they name has to stay, but for those that can do without. */
export function referencesOfEgress(
  policy: EgressPolicy | null | undefined,
): (Reference & { readonly field: string })[] {
  return (policy?.credentials ?? []).flatMap(({ secret, optional }, index) =>
    optional === true ? [] : [{ kind: "secret" as const, name: secret, field: `credentials[${index}].secret` }],
  );
}

/**
 * Where the application uses it: its egress, its active version, and versions that a container was started with. Each in words for
 * people; none when it does not.
 */
export function usesOf(
  row: ApplicationRow,
  deployments: readonly Deployment[],
  configurationOf: (version: number) => StoredConfiguration,
  { kind, name }: Reference,
): string[] {
  const refers = (version: number) =>
    referencesOf(configurationOf(version)).some((reference) => reference.kind === kind && reference.name === name);
  const chosen = deployments.filter(
    ({ override }) =>
      (kind === "protocol" && override?.protocol === name) || (kind === "image" && override?.ownImage === name),
  );
  const placed = deployments.filter((deployment) => isLive(deployment) && deployment.version !== row.activeVersion);
  const injected = referencesOfEgress(row.spec.egress).some((one) => one.kind === kind && one.name === name);
  return [
    ...(injected ? [`${row.name}, a credential of its egress`] : []),
    ...(refers(row.activeVersion) ? [`${row.name}, version ${row.activeVersion} (active)`] : []),
    ...placed
      .filter(({ version }) => refers(version))
      .map((d) => `${row.name}, version ${d.version} (running in ${nameOf(row.name, d)})`),
    ...chosen.map((d) => `${row.name} (what ${nameOf(row.name, d)} was started with)`),
  ];
}

/** Jobs of schedules have images of their own. */
export function usesOfSchedules(
  application: string,
  schedules: readonly Schedule[],
  { kind, name }: Reference,
): string[] {
  const users = schedules.filter(({ spec: { job } }) => {
    const { image, pinned } = job.launch;
    if (kind === "image") return ownImageName(pinned) === name;
    return kind === "protocol" && image !== null && protocolOf(image) === name;
  });
  return users.map((schedule) => `${application}, schedule ${schedule.name}`);
}
