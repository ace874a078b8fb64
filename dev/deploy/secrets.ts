/**
 * The values of the secrets that a deployment adds. They travel in a file that only this user can read and that is gone
 * when the deployment ends: an argument would be visible to every process of the machine.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeployError } from "./deploy-error.ts";
import type { DesiredSecret } from "./desired.ts";
import type { Variables } from "./options.ts";

const SECRET_BYTES = 32;
/** A secret that is handed in may be weaker than a generated one, but not one that can be guessed. */
const MIN_GIVEN_LENGTH = 32;

export type SecretValues = ReadonlyMap<string, string>;

export function makeSecrets(secrets: readonly DesiredSecret[], variables: Variables): SecretValues {
  return new Map(
    secrets.map((secret) => [
      secret.name,
      secret.source === "environment" ? given(secret.name, variables) : generate(),
    ]),
  );
}

function generate(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

function given(name: string, variables: Variables): string {
  const value = variables[name] ?? "";
  if (value.length >= MIN_GIVEN_LENGTH) return value;
  throw new DeployError(
    `the environment variable ${name} has ${value.length} characters, at least ${MIN_GIVEN_LENGTH} are needed; ` +
      "unset it to have the secret generated",
  );
}

/** Hands `use` the file's path, or undefined when there is nothing to add. */
export async function withSecretsFile<T>(
  values: SecretValues,
  use: (path: string | undefined) => Promise<T>,
): Promise<T> {
  if (values.size === 0) return await use(undefined);
  const folder = await mkdtemp(join(tmpdir(), "gantry-deploy-"));
  try {
    const path = join(folder, "secrets.json");
    await writeFile(path, JSON.stringify(Object.fromEntries(values)), { mode: 0o600 });
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
