/** The API keeps what openapi.json promises, whatever it is sent. `npm run contract` is the same, as long as one likes. */
import { describe, it } from "vitest";
import { loadContract } from "./document.ts";
import { ACCOUNT_ID, startServer, TOKEN } from "./server.ts";
import { Walk } from "./walk.ts";

const REQUESTS = Number(process.env["CONTRACT_REQUESTS"] ?? "5000");
const SEED = Number(process.env["CONTRACT_SEED"] ?? Date.now() % 1_000_000_000);

describe("every operation of openapi.json", () => {
  it(`answers as it says to ${REQUESTS} good and broken requests (CONTRACT_SEED=${SEED})`, async ({ expect }) => {
    const server = await startServer();
    try {
      const { defects, unreached, sent } = await new Walk({
        contract: await loadContract(),
        origin: server.origin,
        token: TOKEN,
        accountId: ACCOUNT_ID,
        requests: REQUESTS,
        seed: SEED,
        log: (line) => console.log(line),
      }).run();
      // In the message too: a summary of failures shows its first lines alone.
      expect(defects, defects[0]?.problems.join("; ")).toEqual([]);
      expect(unreached).toEqual([]);
      expect(sent).toBeGreaterThanOrEqual(REQUESTS);
    } finally {
      await server.close();
    }
  });
});
