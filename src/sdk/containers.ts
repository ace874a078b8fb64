/** `ctx.containers`: an accessor for each container of a definition file, typed by it. */
import type { GantryBinding } from "./binding.ts";
import { transportOf, type Transport } from "./calls/send.ts";
import type { ContainerConfig } from "./definition/config.ts";
import { applicationName, applicationNames } from "./definition/names.ts";
import { accessorOf, type ContainerAccessor } from "./handles.ts";

/** The containers of a file, as `import * as containers` gives them. */
export type ContainerModule = Readonly<Record<string, unknown>>;

type NamesOf<M> = { [K in keyof M]: M[K] extends ContainerConfig ? K : never }[keyof M];

export type Containers<M> = { readonly [K in NamesOf<M>]: ContainerAccessor };

/** Whether a definition has a name of its own, which types alone cannot bring to run time. */
type HasOwnName<M> = true extends {
  [K in keyof M]: M[K] extends ContainerConfig & { readonly name: string } ? true : false;
}[keyof M]
  ? true
  : false;

/**
 * `createContainers<typeof containers>(env.GANTRY)`, or `createContainers(env.GANTRY, containers)` where a definition has
 * a `name` of its own.
 */
export function createContainers<M extends ContainerModule>(
  binding: GantryBinding,
  ...definitions: HasOwnName<M> extends true ? [definitions: M] : [definitions?: M]
): Containers<M> {
  return containersOver<M>(transportOf(binding), definitions[0]);
}

export function containersOver<M extends ContainerModule>(
  transport: Transport,
  definitions: M | undefined,
): Containers<M> {
  if (definitions === undefined) return byName(transport) as Containers<M>;
  const known = Object.entries(definitions).filter(([, definition]) => isConfig(definition));
  const names = applicationNames(Object.fromEntries(known) as Record<string, ContainerConfig>);
  const accessors = [...names].map(([exportName, name]) => [exportName, accessorOf(transport, name)] as const);
  return Object.freeze(Object.fromEntries(accessors)) as Containers<M>;
}

function isConfig(value: unknown): boolean {
  return typeof value === "object" && value !== null && "image" in value;
}

/** Without definitions the name that is asked for is all there is. */
function byName(transport: Transport): object {
  const accessors = new Map<string, ContainerAccessor>();
  return new Proxy(Object.freeze({}), {
    get(_, key) {
      // `then` is asked of everything that is awaited or returned.
      if (typeof key === "symbol" || key === "then" || key === "toJSON") return undefined;
      const known = accessors.get(key);
      if (known !== undefined) return known;
      const accessor = accessorOf(transport, applicationName(key));
      accessors.set(key, accessor);
      return accessor;
    },
  });
}
