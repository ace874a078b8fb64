/**
 * What a user of Alchemy writes: one `ContainerApplication`, with the properties of the first argument. Ends with a line
 * of JSON, the resource's output. `phase: "destroy"` removes what the state in this folder names.
 */
import alchemy from "alchemy";
import { ContainerApplication } from "alchemy/cloudflare";

const { phase, ...props } = JSON.parse(process.argv[2] ?? "{}");

const app = await alchemy("conformance", {
  phase,
  stage: "test",
  quiet: true,
  noTrack: true,
  password: "state of a test",
  rootDir: process.cwd(),
});
const made = await ContainerApplication("application", {
  ...props,
  apiToken: alchemy.secret(process.env.CLOUDFLARE_API_TOKEN),
});
await app.finalize();
process.stdout.write(`${JSON.stringify({ id: made?.id, name: made?.name })}\n`);
