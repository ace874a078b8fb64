/**
 * Which credentials of a policy could be set now: for a container that wants to know whether what it is about to ask would
 * be sent. It learns names of hosts and headers, which its application's author wrote, and no value.
 */
import { GantryError } from "../../errors.ts";
import { inject, type SecretValue } from "./credentials.ts";
import type { EgressCredential } from "../policy/policy.ts";

export interface CredentialState {
  readonly hosts: readonly string[];
  readonly header: string;
  readonly available: boolean;
  /** Why it is not. */
  readonly reason?: string;
}

export async function credentialStates(
  credentials: readonly EgressCredential[],
  resolve: (name: string) => Promise<SecretValue | null>,
): Promise<CredentialState[]> {
  return await Promise.all(credentials.map(async (credential) => await stateOf(credential, resolve)));
}

async function stateOf(
  credential: EgressCredential,
  resolve: (name: string) => Promise<SecretValue | null>,
): Promise<CredentialState> {
  const { hosts, header } = credential;
  try {
    await inject([credential], hosts.join(", "), resolve);
    return { hosts, header, available: true };
  } catch (error) {
    if (!GantryError.is(error) || error.code !== "CREDENTIAL_UNAVAILABLE") throw error;
    return { hosts, header, available: false, reason: error.message };
  }
}
