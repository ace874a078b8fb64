/**
 * The registry by the OCI distribution specification, version 1.1, from the outside: a test for each case of the
 * specification's own suites, under their names. `OCI_TARGET` runs them against another registry (target.ts).
 */
import { afterAll, beforeAll } from "vitest";
import { blobs } from "./blobs.ts";
import { errors } from "./errors.ts";
import { kinds } from "./kinds.ts";
import { tagParameters } from "./tag-parameters.ts";
import { Target } from "./target.ts";
import { workflows } from "./workflows.ts";

let running: Target | undefined;

function target(): Target {
  if (running === undefined) throw new Error("there is no registry to ask");
  return running;
}

beforeAll(async () => {
  running = await Target.start();
});
afterAll(async () => await running?.close());

workflows(target);
blobs(target);
kinds(target);
errors(target);
tagParameters(target);
