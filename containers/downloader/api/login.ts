/** A user and password of a request: for the registry of its images, and gone with the request. */
import type { IncomingMessage } from "node:http";
import { badRequest } from "../http/api-error.ts";
import type { Parameters } from "../http/body.ts";
import { optionalSecret, optionalText } from "../http/fields.ts";
import type { Login } from "../registry/registries.ts";

/** Of its body, or of its header `Authorization`: with that a `GET` can be resumed, as by `curl -C - -u user`. */
export function loginOf(parameters: Parameters, { headers }: IncomingMessage): Login | null {
  const user = optionalText(parameters, "username");
  const password = optionalSecret(parameters, "password");
  if (user === null && password === null) return isBrowser(headers) ? null : basicLogin(headers.authorization);
  if (user === null) throw badRequest("username", "is required with a password");
  if (password === null) throw badRequest("password", "is required with a username");
  return { user, password };
}

/**
 * A browser sends by itself what somebody in front of this server has asked it for, also where another page leads it here:
 * a link to an image of some registry would bring that registry the password of this place.
 */
function isBrowser(headers: IncomingMessage["headers"]): boolean {
  return headers["sec-fetch-mode"] !== undefined || headers["user-agent"]?.startsWith("Mozilla/") === true;
}

/** Another scheme is for somebody in front of this server. */
function basicLogin(header: string | undefined): Login | null {
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(header ?? "") ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1 || colon === text.length - 1) throw badRequest("authorization", "must have a user and a password");
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** A name as it may be logged: some write a password before the host, as in a URL. */
export function inLog(image: string): string {
  return image.replaceAll(/[^\s/]*@(?!sha\d{3}:)/g, "");
}
