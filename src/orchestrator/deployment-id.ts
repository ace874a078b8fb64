/**
 * Ids of deployments: `<region>-<shard>-<application id without dashes>-<random>`. An id leads to its application without
 * an index, and region and shard leave room to spread one application over several schedulers. At most 64 bytes, because
 * it is also a label of the container.
 */
const REGION = "auto";
const SHARD = 0;
const RANDOM_BYTES = 6;
const FORMAT = /^([a-z]{1,10})-(\d{1,3})-([0-9a-f]{32})-([0-9a-f]{12})$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface DeploymentAddress {
  readonly region: string;
  readonly shard: number;
  readonly applicationId: string;
}

export function newDeploymentId(applicationId: string): string {
  if (!UUID.test(applicationId)) throw new Error(`application id ${applicationId} is not a UUID in lower case`);
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return `${REGION}-${SHARD}-${applicationId.replaceAll("-", "")}-${hex(random)}`;
}

/** Null when it is no id of ours. That the deployment exists, only its application knows. */
export function parseDeploymentId(id: string): DeploymentAddress | null {
  const [, region, shard, digits] = FORMAT.exec(id) ?? [];
  if (region === undefined || shard === undefined || digits === undefined) return null;
  const applicationId = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return { region, shard: Number(shard), applicationId };
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
