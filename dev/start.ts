/** `npm start` and, with --watch, `npm run dev`: brings up Gantry on this machine and keeps it running. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runLauncher } from "./launcher/launcher.ts";

// A closed terminal takes standard output with it; stopping must go on.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

const USAGE = "usage: npm start, or npm run dev to start again on changes; PORT=<port> chooses the port.";

try {
  const { values } = parseArgs({ options: { watch: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n`);
    process.exit(0);
  }
  await runLauncher({
    projectDir: join(import.meta.dirname, ".."),
    watch: values.watch === true,
    port: process.env["PORT"],
    publishesTemplates: process.env["GANTRY_TEMPLATES"] !== "off",
    appliesSamples: process.env["GANTRY_SAMPLES"] !== "off",
    print: (line) => process.stdout.write(`${line}\n`),
  });
  process.exit(0);
} catch (error) {
  process.stderr.write(`Gantry did not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
