/** `gantry destroy`: everything that an owner has made. */
import type { Io } from "../io.ts";
import { manifestOf } from "../manifest/manifest.ts";
import { readFiles } from "../manifest/read-file.ts";
import { planJson, renderPlan, renderResult, resultsJson } from "../render.ts";
import { executeDeletions } from "../resources/execute.ts";
import { OWNED_KINDS } from "../resources/kinds.ts";
import { deletions } from "../resources/plan.ts";
import { readWorld } from "../resources/world.ts";
import { EXIT, exitOf, type ExitCode } from "./apply.ts";
import { openApi, ownedBy, ownerFrom, type ManifestFlags } from "./context.ts";

export interface DestroyFlags extends ManifestFlags {
  readonly yes?: boolean | undefined;
}

export async function destroy(io: Io, flags: DestroyFlags): Promise<ExitCode> {
  const manifest = flags.owner === undefined ? manifestOf(await readFiles(io, flags.file ?? [])) : null;
  const owner = ownerFrom(flags, manifest);
  const api = await openApi(io, flags);
  const world = await readWorld(api, OWNED_KINDS);
  const plan = { steps: deletions(ownedBy(world, owner), `is ${owner}'s`), left: [], problems: [] };
  if (flags.yes !== true && plan.steps.length > 0) {
    io.out(flags.json === true ? `${JSON.stringify(planJson(owner, plan))}\n` : renderPlan(plan));
    io.err("Nothing was deleted: give --yes.\n");
    return EXIT.failed;
  }
  const results = await executeDeletions({ api, world }, plan.steps);
  if (flags.json === true) io.out(`${JSON.stringify(resultsJson(owner, plan, results))}\n`);
  else {
    for (const result of results) io.out(renderResult(result));
    if (results.length === 0) io.out(`${owner} has nothing.\n`);
  }
  return exitOf(results);
}
