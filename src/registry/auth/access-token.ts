/**
 * What the token endpoint gives: who asked, and what of the scopes that were asked for the credentials allow. It is
 * signed, so that a request that brings it needs no look at anything that is stored.
 */
import { sign, verify } from "../signed.ts";
import type { RegistryAction } from "./access.ts";
import type { RepositoryPatterns } from "./patterns.ts";

export interface TokenEntry {
  readonly accountId: string;
  /** Empty: the catalog. */
  readonly repository: string;
  readonly actions: readonly RegistryAction[];
  /** Asked for, and not allowed: asking again would bring nothing else. */
  readonly refused: readonly RegistryAction[];
}

export interface AccessToken {
  readonly actor: string;
  readonly tokenId: string | null;
  readonly isAnonymous: boolean;
  /** The operator's: `readable` and `listable` are those of any account. */
  readonly isEverywhere: boolean;
  /** Of names that say no account. */
  readonly accountId: string;
  readonly entries: readonly TokenEntry[];
  /** In that account. */
  readonly readable: RepositoryPatterns;
  readonly listable: RepositoryPatterns;
  readonly expiresAt: number;
}

const PURPOSE = "gantry registry access tokens v1";
/** Headers above it do not reach a Worker. */
const MAX_TOKEN_LENGTH = 14_000;

/** As it is signed: without what is said already. */
type Signed = Omit<AccessToken, "listable"> & {
  /** Absent: those that are readable. */
  readonly listable?: RepositoryPatterns;
};

/** Null: it would be longer than what is accepted. */
export async function issueToken(keys: readonly string[], token: AccessToken): Promise<string | null> {
  const { listable, ...rest } = token;
  const isSame = JSON.stringify(listable) === JSON.stringify(token.readable);
  const text = await sign(keys, PURPOSE, (isSame ? rest : token) satisfies Signed);
  return text.length > MAX_TOKEN_LENGTH ? null : text;
}

export async function verifyAccessToken(
  keys: readonly string[],
  text: string,
  now: number,
): Promise<AccessToken | null> {
  // Signed by `issueToken`, so it has this shape.
  const signed = (await verify(keys, PURPOSE, text, MAX_TOKEN_LENGTH)) as Signed | null;
  return signed !== null && signed.expiresAt > now ? { ...signed, listable: signed.listable ?? signed.readable } : null;
}
