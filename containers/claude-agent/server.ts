/**
 * Chats with Claude through the Messages API, as an instance of Gantry: one for each conversation, with tools in its own
 * sandbox. The API key is not in this process; egress sets it on the way out.
 */
import { createServer } from "node:http";
import { createApp } from "./api/app.ts";
import { serve } from "./api/routes.ts";
import { readSettings } from "./settings.ts";

const STOP_MS = 5_000;

function main(): void {
  const app = createApp(readSettings(process.env));
  const server = createServer((request, response) => void serve(app, request, response));
  const stop = () => {
    // Answers that are under way come to their end, within what a stop waits for.
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), STOP_MS).unref();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  server.listen(app.settings.port, () => {
    const address = server.address();
    console.log(`listening on ${typeof address === "object" ? address?.port : address}`);
  });
}

try {
  main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
