/**
 * A Worker that calls containers as it is told, by its binding and with the SDK:
 *
 *     /binding/…                  what the binding's `fetch` takes behind `/a/`
 *     /any/<app>/…  /pool/<app>/…  /get/<app>/<id>/…
 */
import { createContainers, GantryError, type GantryBinding } from "../../../src/sdk/index.ts";
import type { ContainerConfig, ContainerHandle } from "../../../src/sdk/index.ts";

const ORIGIN = "http://gantry.internal";

export default {
  async fetch(request: Request, { GANTRY }: { readonly GANTRY: GantryBinding }): Promise<Response> {
    const url = new URL(request.url);
    const [way = "", ...rest] = url.pathname.slice(1).split("/");
    if (way === "binding")
      return await GANTRY.fetch(new Request(`${ORIGIN}/a/${rest.join("/")}${url.search}`, request));
    const { handle, path } = handleOf(GANTRY, way, rest);
    try {
      return await handle.fetch(new Request(`${ORIGIN}/${path.join("/")}${url.search}`, request));
    } catch (error) {
      if (GantryError.is(error)) return error.toResponse();
      throw error;
    }
  },
};

function handleOf(
  gantry: GantryBinding,
  way: string,
  [application = "", ...rest]: readonly string[],
): { readonly handle: ContainerHandle; readonly path: readonly string[] } {
  const { it } = createContainers(gantry, { it: { image: "./", name: application } satisfies ContainerConfig });
  if (way === "get") return { handle: it.get(rest[0] ?? "", { attempts: 5 }), path: rest.slice(1) };
  return { handle: way === "pool" ? it.pool({ backoffMs: 10 }) : it.any(undefined, { attempts: 5 }), path: rest };
}
