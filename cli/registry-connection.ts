/** The control plane's registry, with credentials that are good for these minutes and these permissions. */
import { REGISTRY_USER, type RegistryPermission } from "../src/registry/credentials.ts";
import { apiOver, isCode } from "./api.ts";
import { accountOf, baseUrlOf, connect, tokenOf, type ConnectionFlags } from "./connection.ts";
import type { Io } from "./io.ts";
import { RegistryClient, type RegistryLogin } from "./templates/registry-client.ts";

const MINUTES = 15;

export async function openRegistry(
  io: Io,
  flags: ConnectionFlags,
  permissions: readonly RegistryPermission[],
): Promise<RegistryClient> {
  const { origin, host } = new URL(baseUrlOf(io, flags));
  const login = await issued(io, flags, host, permissions).catch(async (error: unknown): Promise<RegistryLogin> => {
    const isReading = !permissions.includes("push") && accountOf(io, flags) === undefined;
    if (!isReading || !isCode(error, "FORBIDDEN")) throw error;
    // A token that may issue none is a login itself, in its own account, for what it may.
    return { username: REGISTRY_USER, password: await tokenOf(io, flags) };
  });
  return new RegistryClient({ origin, login, sleep: (ms) => io.sleep(ms) });
}

async function issued(
  io: Io,
  flags: ConnectionFlags,
  domain: string,
  permissions: readonly RegistryPermission[],
): Promise<RegistryLogin> {
  const api = apiOver(await connect(io, flags), io);
  const { result } = await api.send("POST /registries/{domain}/credentials", {
    params: { domain },
    body: { permissions, expiration_minutes: MINUTES },
    // Made anew by each try: they are not stored.
    idempotencyKey: crypto.randomUUID(),
  });
  const { username, password = "" } = result;
  return { username, password };
}
