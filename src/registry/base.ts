/** `GET /v2/`, which registry clients ask first: is this a registry, and is the login good? */
import { accountExists } from "../api/account-directory.ts";
import { masterKeys } from "../sealing.ts";
import { verifyCredentials } from "./credentials.ts";

const VERSION = { "docker-distribution-api-version": "registry/2.0" };
const MAX_CREDENTIALS_LENGTH = 8_192;

export async function registryBase(env: Env, request: Request): Promise<Response> {
  const login = basicCredentials(request.headers.get("authorization"));
  const grant =
    login === null ? null : await verifyCredentials(masterKeys(env), login.user, login.password, Date.now());
  if (grant !== null && (await accountExists(env, grant.accountId))) return Response.json({}, { headers: VERSION });
  const message = "log in with credentials from POST …/containers/registries/{domain}/credentials";
  return Response.json(
    { errors: [{ code: "UNAUTHORIZED", message, detail: null }] },
    { status: 401, headers: { ...VERSION, "www-authenticate": 'Basic realm="Gantry registry"' } },
  );
}

function basicCredentials(header: string | null): { user: string; password: string } | null {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? "")?.[1];
  if (encoded === undefined || encoded.length > MAX_CREDENTIALS_LENGTH || encoded.length % 4 !== 0) return null;
  const text = atob(encoded);
  const colon = text.indexOf(":");
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
