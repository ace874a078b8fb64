/**
 * Which part of Gantry a request is for. Applications have origins of their own, so that none shares one with the
 * control API: `<app>.<ingress domain>` and its own `hostnames`, and for programs the path `/a/<app>/`. Single instances
 * have addresses below that.
 */
import { serveApi } from "./api/api.ts";
import { isBridgePath, serveBridgeOutside } from "./bridge/wiring.ts";
import { applicationAtHost, hostKey } from "./containers/host-lookup.ts";
import { serveIngress, type IngressTarget } from "./containers/ingress.ts";
import { instanceTarget, serveInstance } from "./containers/instance-address.ts";
import { isInstanceAddress } from "./containers/instance-lookup.ts";
import { hasRouting } from "./containers/routing-cache.ts";
import { isControlHost, takesHostnames } from "./hostname.ts";
import { isRegistryPath } from "./registry/http/paths.ts";
import { serveRegistry } from "./registry/http/serve.ts";

export async function route(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const { hostname, pathname } = new URL(request.url);
  const target = await hostTarget(hostname, env);
  // All paths of its host are the application's.
  if (target !== null) return await serveIngress(target, request, env, ctx);
  const instance = instanceTarget(request.url, (address) => isInstanceAddress(env, address));
  if (instance !== null) return await serveInstance(instance, request, env);
  const byPath = pathTarget(pathname);
  if (byPath !== null) return await serveIngress(byPath, request, env, ctx);
  if (isBridgePath(pathname)) return await serveBridgeOutside(request, env);
  if (isRegistryPath(pathname)) return await serveRegistry(request, env, ctx);
  return await serveApi(request, env, ctx);
}

/** Null when the host is no application's: then it is the control plane's, or an address. */
async function hostTarget(hostname: string, env: Env): Promise<IngressTarget | null> {
  // A fully qualified name may end in a dot.
  const host = hostname.replace(/\.$/, "");
  const own = ownHostTarget(host, env.INGRESS_DOMAIN);
  if (own !== null || isControlHost(host, env) || !takesHostnames(env)) return own;
  const key = hostKey(host);
  const isKnown = hasRouting(key, Date.now()) || (await applicationAtHost(host, env)) !== null;
  return isKnown ? { application: key, prefix: null } : null;
}

/** `<application>.<ingress domain>`. */
export function ownHostTarget(host: string, ingressDomain: string): IngressTarget | null {
  const suffix = `.${ingressDomain}`;
  if (ingressDomain === "" || !host.endsWith(suffix)) return null;
  return { application: host.slice(0, -suffix.length), prefix: null };
}

/** `/a/<application>/…`. */
export function pathTarget(pathname: string): IngressTarget | null {
  const match = /^\/a\/([^/]+)(?=\/|$)/.exec(pathname);
  if (match?.[1] === undefined) return null;
  const application = decoded(match[1]);
  // No name has one, and a host's routing is kept under a key that begins with two.
  return { application: application.includes("/") ? match[1] : application, prefix: match[0] };
}

/** What is not an encoding is not a name either: it stays as it is and is not found. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
