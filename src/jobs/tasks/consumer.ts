/**
 * The queue's consumer: each message is a task of an application. A message is acknowledged when its task is stored, and
 * never waits for it to be done: tries belong to the task. What can be no task goes to the dead letter queue with the
 * reason; what cannot be taken now comes again.
 */
import * as z from "zod";
import { accountExists } from "../../api/account-directory.ts";
import { validate } from "../../api/body.ts";
import { taskMessageSchema, type TaskMessage } from "../../api/schemas/task.ts";
import type { ApplicationEntry } from "../../account/applications.ts";
import { inBatches } from "../../batches.ts";
import { describeError, GantryError, type ErrorCode } from "../../errors.ts";
import { iso } from "../../iso.ts";
import { accountStub, applicationStub } from "../../stubs.ts";
import { withTimeout } from "../../with-timeout.ts";
import { taskDraft } from "./draft.ts";
import type { Accepted } from "./task-control.ts";

/** An application that does not answer in time is asked again with a later delivery, which makes nothing twice. */
const ANSWER_MS = 20_000;
/** One that is just being made may be there then. */
const UNKNOWN_DELAY_S = 10;
const UNKNOWN_DELIVERIES = 3;
const FULL_DELAY_S = 30;
const MAX_DELAY_S = 300;
/** Of a dead letter: the platform takes 128 KB, its reason included. */
const MAX_KEPT_CHARACTERS = 30_000;

interface Item {
  readonly message: Message;
  readonly task: TaskMessage;
}

interface Reason {
  readonly code: ErrorCode;
  readonly message: string;
}

export async function consume(batch: MessageBatch, env: Env): Promise<void> {
  const groups = new Map<string, Item[]>();
  const poison: { message: Message; reason: Reason }[] = [];
  for (const message of batch.messages) {
    try {
      const task = validate(taskMessageSchema, parsed(message.body));
      const key = `${task.account_id ?? env.GANTRY_ACCOUNT_ID} ${task.application}`;
      groups.set(key, [...(groups.get(key) ?? []), { message, task }]);
    } catch (error) {
      poison.push({ message, reason: reasonOf(error) });
    }
  }
  await inBatches(poison, async ({ message, reason }) => await bury(env, batch.queue, message, reason));
  await inBatches([...groups.values()], async (items) => await enqueue(env, batch.queue, items));
}

/** All of one application, in one call of it. */
async function enqueue(env: Env, queue: string, items: readonly Item[]): Promise<void> {
  let accepted: readonly Accepted[];
  try {
    const applicationId = await find(env, items);
    const drafts = await Promise.all(
      items.map(async ({ message, task }) => {
        const { application: _, account_id: __, ...request } = task;
        return await taskDraft(applicationId, request, { kind: "message", id: `${queue} ${message.id}` });
      }),
    );
    const answer: Promise<Accepted[]> = applicationStub(env, applicationId).acceptTasks(drafts);
    accepted = await withTimeout(answer, ANSWER_MS);
  } catch (error) {
    await inBatches(items, async ({ message }) => await notEnqueued(env, queue, message, error));
    return;
  }
  await inBatches(items, async ({ message, task }) => {
    const one = accepted[items.findIndex((item) => item.message === message)];
    switch (one?.outcome) {
      case "created":
      case "known": {
        message.ack();
        return;
      }
      case "conflict": {
        await bury(env, queue, message, { code: "IDEMPOTENCY_KEY_REUSED", message: one.message });
        return;
      }
      case "refused": {
        await bury(env, queue, message, { code: "JOB_CREATE_NOT_ALLOWED", message: one.message });
        return;
      }
      case "full":
      case undefined: {
        console.warn({ message: "tasks.full", application: task.application, attempts: message.attempts });
        message.retry({ delaySeconds: FULL_DELAY_S });
      }
    }
  });
}

/** All of them name the same one. Throws `APPLICATION_NOT_FOUND`. */
async function find(env: Env, items: readonly Item[]): Promise<string> {
  const { application = "", account_id: accountId = env.GANTRY_ACCOUNT_ID } = items[0]?.task ?? {};
  const isKnown = await accountExists(env, accountId);
  const entry: ApplicationEntry | null = isKnown
    ? await accountStub(env, accountId).findApplication(application)
    : null;
  if (entry !== null && entry.kind === "application") return entry.id;
  throw new GantryError("APPLICATION_NOT_FOUND", `there is no application ${application}`, { application });
}

async function notEnqueued(env: Env, queue: string, message: Message, error: unknown): Promise<void> {
  const { attempts } = message;
  if (GantryError.is(error) && error.code === "APPLICATION_NOT_FOUND") {
    if (attempts < UNKNOWN_DELIVERIES) message.retry({ delaySeconds: UNKNOWN_DELAY_S });
    else await bury(env, queue, message, reasonOf(error));
    return;
  }
  console.warn({ message: "tasks.unreachable", id: message.id, attempts, error: describeError(error) });
  message.retry({ delaySeconds: Math.min(MAX_DELAY_S, 5 * 2 ** Math.min(attempts, 10)) });
}

/** With its reason, which the platform would not say. What cannot be buried comes again. */
async function bury(env: Env, queue: string, message: Message, reason: Reason): Promise<void> {
  console.warn({ message: "tasks.dead-letter", id: message.id, code: reason.code, reason: reason.message });
  try {
    const letters = deadLettersOf(env);
    if (letters === null) throw new Error("the control plane has no queue DEAD_TASKS");
    const letter = { reason, queue, id: message.id, attempts: message.attempts, failed_at: iso(Date.now()) };
    await letters.send({ ...letter, body: keptOf(message.body) });
    message.ack();
  } catch (error) {
    console.error({ message: "tasks.dead-letter.failed", id: message.id, error: describeError(error) });
    message.retry({ delaySeconds: FULL_DELAY_S });
  }
}

/** Whoever deploys without queues has none. */
function deadLettersOf(env: Partial<Pick<Env, "DEAD_TASKS">>): Queue | null {
  return env.DEAD_TASKS ?? null;
}

/** JSON, as it is or as text. */
function parsed(body: unknown): unknown {
  const text = body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? new TextDecoder().decode(body) : body;
  if (typeof text !== "string") return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new GantryError("VALIDATE_INPUT", "the message is text that is not JSON", {});
  }
}

function keptOf(body: unknown): unknown {
  const json = z.json().safeParse(body);
  const text = json.success ? JSON.stringify(json.data) : String(body);
  return json.success && text.length <= MAX_KEPT_CHARACTERS ? json.data : text.slice(0, MAX_KEPT_CHARACTERS);
}

function reasonOf(error: unknown): Reason {
  const code = GantryError.is(error) ? error.code : "INTERNAL";
  return { code, message: describeError(error, 1_000) };
}
