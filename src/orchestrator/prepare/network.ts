/**
 * Addresses of an instance, before it is started: taken from the account's pool, by the deployment's id, and told to
 * the container with its ports. A deployment that has none asks nobody.
 */
import type { Addresses } from "../../account/addresses.ts";
import { portVariable } from "../../api/schemas/network.ts";
import { accountStub } from "../../stubs.ts";
import { hasAddress, networkOf, portsOf, type Port } from "../network.ts";
import type { LaunchOrder } from "../scheduler-deps.ts";
import type { StoredConfiguration } from "../configurations.ts";

export async function prepareNetwork(
  env: Env,
  accountId: string,
  configuration: StoredConfiguration,
  order: LaunchOrder,
): Promise<LaunchOrder> {
  const network = networkOf(configuration);
  if (!hasAddress(network)) return order;
  const ports = portsOf(configuration);
  const addresses: Addresses = await accountStub(env, accountId).takeAddresses({
    application: order.applicationId,
    deployment: order.deploymentId,
    network,
    ports:
      network.mode === "public" ? [{ start: 1, end: 65_535 }] : ports.map(({ port }) => ({ start: port, end: port })),
  });
  return { ...order, spec: { ...order.spec, env: { ...order.spec.env, ...hostVariables(addresses, ports) } } };
}

/** IPv4 where there is one, since every program understands it. */
export function hostVariables({ v4, v6 }: Addresses, ports: readonly Port[]): Record<string, string> {
  const address = v4 ?? v6;
  if (address === null) return {};
  const host = address.includes(":") ? `[${address}]` : address;
  return Object.fromEntries(
    ports.flatMap(({ name, port }) => [
      [portVariable("HOST_PORT", name), String(port)],
      [portVariable("HOST_IP", name), address],
      [portVariable("HOST_ADDR", name), `${host}:${port}`],
    ]),
  );
}
