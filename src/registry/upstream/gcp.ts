/** Logins of Google's registries: the key of a service account, as JSON or as base64 of it, is the password. */
import { fromBase64 } from "../../encoding.ts";
import type { Login } from "./tokens.ts";

/** Anything else than a key is the password of `user`, such as an access token of `oauth2accesstoken`. */
export function gcpLogin(user: string, secret: string): Login {
  if (isObject(secret)) return { user: "_json_key", password: secret };
  const bytes = fromBase64(secret.trim());
  if (bytes !== null && isObject(new TextDecoder().decode(bytes))) {
    return { user: "_json_key_base64", password: secret.trim() };
  }
  return { user, password: secret };
}

function isObject(text: string): boolean {
  return text.trimStart().startsWith("{");
}
