/**
 * The package `gantry/testing`: containers without Docker and without a control plane. The handles are the real ones;
 * only what is behind the binding is in memory, with states, cold starts and failures that a test can provoke.
 */
import { containersOver, type ContainerModule, type Containers } from "../containers.ts";
import { egressConfigOf } from "../definition/egress.ts";
import { applicationNames } from "../definition/names.ts";
import type { ContainerAccessor } from "../handles.ts";
import { TestGantry, type TestGantryOptions } from "./gantry.ts";
import type { TestApplication, TestHandler } from "./types.ts";

export { TestGantry, type TestGantryOptions } from "./gantry.ts";
export { TestInstance, type Refusal, type TestInstanceState } from "./instance.ts";
export { acceptUpgrade, type TestSocket, type Upgrade } from "./sockets.ts";
export type { TerminalSession, TestApplication, TestCall, TestHandler } from "./types.ts";

export interface TestOptions<M> extends TestGantryOptions {
  /** The definitions, where some have a name of their own. */
  readonly definitions?: M;
  /** Chance in pauses, at least 0 and below 1. Default: always 0.5. */
  readonly random?: () => number;
}

type Handlers = Readonly<Record<string, TestHandler | TestApplication>>;

export interface TestContainers<H extends Handlers> {
  readonly containers: { readonly [K in keyof H]: ContainerAccessor };
  /** What is behind the binding; also usable as `env.GANTRY` of a Worker under test. */
  readonly gantry: TestGantry;
}

/** `createTestContainers({ transcoder: (request, { id }) => new Response(`done by ${id}`) })`. */
export function createTestContainers<H extends Handlers, M extends ContainerModule = ContainerModule>(
  handlers: H,
  options: TestOptions<M> = {},
): TestContainers<H> {
  const { definitions, random = () => 0.5, ...gantryOptions } = options;
  const named = Object.fromEntries(Object.keys(handlers).map((key) => [key, ownName(definitions?.[key])]));
  const names = applicationNames(named);
  const applications = [...names].map(([key, name]) => {
    const given = handlers[key] as TestHandler | TestApplication;
    const egress = egressConfigOf(definitions?.[key] ?? {});
    const application: TestApplication = typeof given === "function" ? { fetch: given } : given;
    return [name, egress === undefined ? application : { egress, ...application }] as const;
  });
  const gantry = new TestGantry(new Map(applications), gantryOptions);
  const transport = { binding: gantry, sleep: gantry.sleep, now: gantry.now, random };
  const known = Object.fromEntries(Object.entries(named).map(([key, own]) => [key, { image: "./", ...own }]));
  const containers: Containers<typeof known> = containersOver(transport, known);
  return { containers: containers as unknown as TestContainers<H>["containers"], gantry };
}

function ownName(definition: unknown): { name?: string } {
  const { name } = (definition ?? {}) as { name?: unknown };
  return typeof name === "string" ? { name } : {};
}
