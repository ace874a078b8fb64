/** What tests of rollouts on real containers ask of a control plane. */
import { eventually, workloads, type ControlPlane } from "./control-plane.ts";

export const coloured = (value: string) => ({
  image: "hello-world",
  stop_grace: "2s",
  environment_variables: [{ name: "COLOUR", value }],
});

export const steps = (...percentages: number[]) =>
  percentages.map((percentage) => ({ step_size: { percentage }, description: `to ${percentage} %` }));

const QUICK = { description: "of a test", strategy: "rolling", min_healthy_time: "1s" } as const;

export class Rollouts {
  readonly #plane: ControlPlane;

  constructor(plane: ControlPlane) {
    this.#plane = plane;
  }

  async application(name: string, instances: number, more: object = {}): Promise<string> {
    const body = { instances, check_every: "1s", configuration: coloured("red"), ...more };
    const id = await this.#plane.create(name, body);
    await this.#plane.untilReady(id, instances);
    return id;
  }

  async begin(id: string, body: object): Promise<string> {
    const whole = { ...QUICK, ...body };
    const { status, result, errors } = await this.#plane.call("POST", `/applications/${id}/rollouts`, whole);
    if (status !== 200) throw new Error(JSON.stringify(errors));
    return result.id;
  }

  async get(id: string, rollout: string) {
    return (await this.#plane.call("GET", `/applications/${id}/rollouts/${rollout}`)).result;
  }

  async until(id: string, rollout: string, isIt: (rollout: { phase: string }) => boolean) {
    return await eventually(async () => {
      const seen = await this.get(id, rollout);
      return isIt(seen) && seen;
    }, 60_000);
  }

  async act(id: string, rollout: string, action: string) {
    return await this.#plane.call("POST", `/applications/${id}/rollouts/${rollout}`, { action });
  }

  /** A client that asks at an even pace, whatever comes back; how often each status came, once it is stopped. */
  asking(name: string, perSecond: number): () => Promise<Record<number, number>> {
    const seen = new Map<number, number>();
    const open: Promise<void>[] = [];
    const timer = setInterval(() => {
      const asked = this.#plane.ingress(name, "/json").then(
        ({ status }) => status,
        () => 0,
      );
      open.push(asked.then((status) => void seen.set(status, (seen.get(status) ?? 0) + 1)));
    }, 1_000 / perSecond);
    return async () => {
      clearInterval(timer);
      await Promise.all(open);
      return Object.fromEntries(seen);
    };
  }

  /** After each test: what fails is shown, and nothing is left. */
  async clean(hasFailed: boolean): Promise<void> {
    if (hasFailed) this.#plane.debug();
    for (const { id } of (await this.#plane.call("GET", "/applications")).result) {
      await this.#plane.call("DELETE", `/applications/${id}`);
    }
    // The next test has the machine for itself.
    await eventually(async () => (await workloads()).length === 0, 60_000);
  }
}
