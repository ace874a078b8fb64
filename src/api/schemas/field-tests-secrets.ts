/** Which test sees the effect of each field of secrets, SSH keys, registries and images. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const SECRETS = "test/workers/secrets.test.ts";
const REFERENCES = "test/workers/references.test.ts";
const KEYS = "test/workers/ssh-keys.test.ts";
const REGISTRIES = "test/workers/registries.test.ts";
const REGISTRY_AUTH = "test/workers/registry-auth.test.ts";
const PULLED = "test/workers/pull-through.test.ts";
const IMAGES = "test/workers/image-resolution.test.ts";
const STORE = "test/workers/secrets-store.test.ts";

const CREATED = "is created, listed, read, changed and deleted without its value";
const GIVEN = "is in the container's environment, and a changed value is there from the next placement on";
const LINES = "are lines in the container's environment";
const KEY_CREATED = "is created, listed, and deleted by name or by id";
const REFERS = "with a credential refer to a secret, which then stays";
const PUBLIC_PART = "of a registry with a stored credential are its public part, never the secret";
const PREFIXED = "is below the domain unless another prefix is given, and ends again";
const ANOTHER = "get another credential, which is what they are read with from then on";
const PROTOCOL = "is created, listed, replaced and deleted";
const FIRST_DECLARED = "is the first that is declared, and another one as soon as the protocol says so";
const FROM_WRANGLER = "takes what wrangler sends, finds it by name and deletes it by id";

export const SECRET_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  ConfigurationInput: {
    secrets: [REFERENCES, GIVEN],
    ssh_public_key_ids: [KEYS, LINES],
    authorized_keys: [KEYS, LINES],
    trusted_user_ca_keys: [KEYS, LINES],
  },
  SecretReference: {
    name: [REFERENCES, "may stand under two names, beside plain variables"],
    type: [REFERENCES, GIVEN],
    secret: [REFERENCES, GIVEN],
  },
  InlineSshKey: { public_key: [KEYS, LINES], name: [KEYS, LINES] },
  CreateSecret: { name: [SECRETS, CREATED], value: [REFERENCES, GIVEN] },
  ChangeSecret: { value: [REFERENCES, GIVEN] },
  "POST /ssh-public-keys": { name: [KEYS, KEY_CREATED], public_key: [KEYS, KEY_CREATED] },
  ProtocolInput: {
    proto: [IMAGES, PROTOCOL],
    "domains[].domain": [IMAGES, "keeps the registries that it names"],
    "domains[].path": [IMAGES, FIRST_DECLARED],
  },
  CreateRegistry: {
    domain: [REGISTRIES, "are found by an encoded domain, and written in any case"],
    kind: [REGISTRIES, "of a kind have its domain, its store and its secret"],
    "auth.public_credential": [REGISTRIES, PUBLIC_PART],
    "auth.private_credential.store_id": [REGISTRIES, "of a kind have its domain, its store and its secret"],
    "auth.private_credential.secret_name": [REGISTRIES, REFERS],
    is_public: [REGISTRIES, "of a public registry are not needed, and of an unknown one not there"],
    "pull_through.prefix": [REGISTRIES, PREFIXED],
    "pull_through.refresh_seconds": [PULLED, "by tags are asked for anew when they are old, and not before"],
  },
  ChangeRegistry: {
    "auth.public_credential": [REGISTRIES, ANOTHER],
    pull_through: [REGISTRIES, PREFIXED],
    "auth.private_credential.store_id": [REGISTRIES, "are changed only where they are, to what is there"],
    "auth.private_credential.secret_name": [REGISTRIES, ANOTHER],
    "pull_through.prefix": [REGISTRIES, PREFIXED],
    "pull_through.refresh_seconds": [PULLED, "by tags are asked for anew when they are old, and not before"],
  },
  CredentialsInput: {
    permissions: [REGISTRIES, "of a private registry are a token that its public key verifies"],
    expiration_minutes: [REGISTRIES, "of a private registry are a token that its public key verifies"],
    repositories: [REGISTRY_AUTH, "for some repositories are nothing for others, and mounts and catalog know it"],
  },
  "POST /image-preparations": { image: [IMAGES, "of what is declared is ready, as often as it is asked"] },
  "POST /client/v4/accounts/{account_id}/secrets_store/stores/{store_id}/secrets": {
    "[].name": [STORE, FROM_WRANGLER],
    "[].value": [STORE, FROM_WRANGLER],
    "[].scopes": [STORE, FROM_WRANGLER],
    "[].comment": [STORE, FROM_WRANGLER],
  },
};
