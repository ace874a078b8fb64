/**
 * `start` of an instance that is called by name, with a choice: the image must be one that can be started, and the size one
 * that the account allows, as of a configuration. Then the application is told.
 */
import type { Settings } from "../account/limits.ts";
import { sizeRefusal } from "../account/quota-refusals.ts";
import { GantryError } from "../errors.ts";
import type { StoredConfiguration } from "../orchestrator/configurations.ts";
import { sizeOf } from "../orchestrator/launch-spec.ts";
import { isBare, overrideOf, withChoice, type StartChoice } from "../orchestrator/start/choice.ts";
import type { StartRequest } from "../orchestrator/start/start-instance.ts";
import type { InstanceView } from "../orchestrator/views.ts";
import type { WriteGuard } from "../orchestrator/write-guard.ts";
import { accountStub, applicationStub } from "../stubs.ts";
import { pinImage } from "./images.ts";
import { withReferences } from "./references.ts";
import type { Call } from "./route.ts";

type Context = Pick<Call<unknown, unknown>, "env" | "ctx" | "accountId" | "actor"> &
  Partial<Pick<Call<unknown, unknown>, "request">>;

/** Null when there is no such instance, and no call would make it. */
export async function startChosen(
  context: Context,
  applicationId: string,
  request: StartRequest,
  guard: WriteGuard | null,
): Promise<InstanceView | null> {
  const { choice } = request;
  const write = async (chosen: StartChoice = choice): Promise<InstanceView | null> => {
    return await applicationStub(context.env, applicationId).startChosen({ ...request, choice: chosen }, guard);
  };
  if (isBare(choice)) return await write();
  await requireSize(context, choice);
  const { image } = choice;
  if (image === undefined) return await write();
  // Of the rest nothing is referred to by name.
  const configuration = await pinImage<StoredConfiguration>(context, { image }, "image");
  const { pinned } = configuration;
  const chosen = pinned === undefined ? choice : { ...choice, pinned };
  return await withReferences(context, { applicationId, configuration, field: "" }, async () => await write(chosen));
}

async function requireSize({ env, accountId }: Context, choice: StartChoice): Promise<void> {
  const { size } = overrideOf("", choice);
  if (size === undefined) return;
  const { limits }: Settings = await accountStub(env, accountId).settings();
  const refusal = sizeRefusal(sizeOf(withChoice({ image: "" }, choice)), limits);
  if (refusal !== null) throw new GantryError(refusal.code, refusal.message, { ...refusal.details });
}
