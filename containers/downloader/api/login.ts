/** A user and password of a request: for the registry of its images, and gone with the request. */
import { badRequest } from "../http/api-error.ts";
import type { Parameters } from "../http/body.ts";
import { optionalSecret, optionalText } from "../http/fields.ts";
import type { Login } from "../registry/registries.ts";

export function loginOf(parameters: Parameters): Login | null {
  const user = optionalText(parameters, "username");
  const password = optionalSecret(parameters, "password");
  if (user === null && password === null) return null;
  if (user === null) throw badRequest("username", "is required with a password");
  if (password === null) throw badRequest("password", "is required with a username");
  return { user, password };
}
