/** `npm start` and, with --watch, `npm run dev`: brings up Gantry on this machine and keeps it running. */
import { join } from "node:path";
import { runLauncher } from "./launcher/launcher.ts";

// A closed terminal takes standard output with it; stopping must go on.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

try {
  await runLauncher({
    projectDir: join(import.meta.dirname, ".."),
    watch: process.argv.includes("--watch"),
    port: process.env["PORT"],
    print: (line) => process.stdout.write(`${line}\n`),
  });
  process.exit(0);
} catch (error) {
  process.stderr.write(`Gantry did not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
