/**
 * Which part of Gantry a request is for. Applications have origins of their own, so that none shares one with the
 * control API: `<app>.<ingress domain>`, and for programs the path `/a/<app>/`. Single instances have addresses below it.
 */
import { serveApi } from "./api/api.ts";
import { serveIngress, type IngressTarget } from "./containers/ingress.ts";
import { instanceTarget, serveInstance } from "./containers/instance-address.ts";
import { isInstanceAddress } from "./containers/instance-lookup.ts";

export async function route(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const instance = instanceTarget(request.url, (address) => isInstanceAddress(env, address));
  if (instance !== null) return await serveInstance(instance, request, env);
  const target = ingressTarget(request.url, env.INGRESS_DOMAIN);
  return target === null ? await serveApi(request, env, ctx) : await serveIngress(target, request, env, ctx);
}

/** Null when the request is not for an application. */
export function ingressTarget(requestUrl: string, ingressDomain: string): IngressTarget | null {
  const url = new URL(requestUrl);
  const suffix = `.${ingressDomain}`;
  // A fully qualified name may end in a dot.
  const host = url.hostname.replace(/\.$/, "");
  if (ingressDomain !== "" && host.endsWith(suffix)) {
    return { application: host.slice(0, -suffix.length), prefix: null };
  }
  const match = /^\/a\/([^/]+)(?=\/|$)/.exec(url.pathname);
  if (match?.[1] === undefined) return null;
  return { application: decoded(match[1]), prefix: match[0] };
}

/** What is not an encoding is not a name either: it stays as it is and is not found. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
