/** The grammar of repositories and tags, as the distribution specification gives it, and which account a name is of. */
const PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${PART}(?:/${PART})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const ACCOUNT = /^([0-9a-f]{32})\/(.+)$/;

/** Clients count the host with it; what they take is 255. */
export const MAX_REPOSITORY_LENGTH = 255;

export function isRepository(name: string): boolean {
  return name.length <= MAX_REPOSITORY_LENGTH && REPOSITORY.test(name);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

export interface OwnedRepository {
  /** Null where the name says none: the account of whoever asks. */
  readonly accountId: string | null;
  readonly repository: string;
}

/** `<account>/<repository>`, as images of the managed registry are written, or `<repository>` alone. */
export function ownerOf(name: string): OwnedRepository {
  const [, accountId, repository] = ACCOUNT.exec(name) ?? [];
  return accountId === undefined || repository === undefined
    ? { accountId: null, repository: name }
    : { accountId, repository };
}
