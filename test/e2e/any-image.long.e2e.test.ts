/** `npm start`: an image that was pushed to its registry runs, and runs again after Gantry was stopped and started. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { docker, eventually } from "./control-plane.ts";
import { pushWithSkopeo } from "./push-image.ts";
import { LaunchedPlane } from "./launched-plane.ts";

const MINUTES = 60_000;
const plane = new LaunchedPlane();
let built: string;

beforeAll(async () => {
  await plane.start();
  const images = (await docker("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n");
  const found = images.find((image) => image.includes("hello-world") && image.startsWith("cloudflare-dev/"));
  if (found === undefined) throw new Error(`no image of hello-world among ${images.join(", ")}`);
  // Of its own, so that nothing of it is in the engine under this digest.
  built = `any-image-long:${Date.now()}`;
  const container = await docker("create", found);
  await docker("commit", "--change", `LABEL test=${built}`, container, built);
  await docker("rm", container);
}, 5 * MINUTES);

afterAll(async () => {
  await plane.remove();
  await docker("rmi", "--force", built);
}, MINUTES);

async function untilReady(id: string): Promise<void> {
  await eventually(async () => {
    const instances = await plane.call<{ ready: boolean }[]>("GET", `/applications/${id}/instances-v2`);
    return instances.length === 1 && instances[0]?.ready === true;
  }, MINUTES);
}

async function ours(): Promise<string[]> {
  return (await docker("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=gantry.local/*")).split(
    "\n",
  );
}

describe("an image that was pushed", () => {
  it(
    "runs, also after a restart, and after the engine has lost it",
    async ({ expect }) => {
      const { username, password } = await plane.call<{ username: string; password: string }>(
        "POST",
        "/registries/registry.cloudflare.com/credentials",
        { permissions: ["pull", "push"], expiration_minutes: 15 },
      );
      const image = `localhost:${plane.port}/team/web:1`;
      await pushWithSkopeo(built, `127.0.0.1:${plane.port}/team/web:1`, `${username}:${password}`);
      const before = await ours();
      const made = await plane.call<{ id: string }>("POST", "/applications", {
        name: "pushed",
        instances: 1,
        configuration: { image },
      });
      await untilReady(made.id);
      const mine = (await ours()).filter((name) => !before.includes(name));
      expect(mine).toHaveLength(1);
      await plane.interrupt();
      await plane.start();
      await untilReady(made.id);
      await plane.interrupt();
      await docker("rmi", "--force", ...mine);
      await plane.start();
      await untilReady(made.id);
      expect(await ours()).toContain(mine[0]);
      await plane.call("DELETE", `/applications/${made.id}`);
      await eventually(async () => !(await ours()).includes(mine[0] ?? ""), MINUTES);
    },
    6 * MINUTES,
  );
});
