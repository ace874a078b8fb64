/**
 * Asks a URL of the user whether the rollout may go on. Any answer that is a decision is taken as one; what fails on the
 * way there, or at whoever is asked, says nothing about the version.
 */
import { z } from "zod";
import { describeError } from "../../errors.ts";
import type { Gate } from "./gates.ts";
import { aborted, inconclusive, type MeasureDeps, type Result, type Subject } from "./measuring.ts";

const MOST_BYTES = 16_384;
/** Of the client's errors these two say "later". */
const LATER: ReadonlySet<number> = new Set([408, 429]);

const ANSWER = z.object({ verdict: z.enum(["passed", "failed", "inconclusive"]), message: z.string().optional() });
const WANTED = '{"verdict": "passed" | "failed" | "inconclusive", "message"?: string}';

type WebhookGate = Extract<Gate, { type: "webhook" }>;

export async function measureWebhook(
  gate: WebhookGate,
  subject: Subject,
  { fetchWebhook }: MeasureDeps,
  signal: AbortSignal,
): Promise<Result> {
  const overdue = inconclusive(`no answer within ${gate.timeoutMs / 1_000} s`);
  const asked = ask(gate, subject, fetchWebhook, signal).catch((error: unknown) => {
    return signal.aborted ? overdue : inconclusive(`no answer: ${describeError(error)}`);
  });
  return await Promise.race([asked, aborted(signal).then(() => overdue)]);
}

async function ask(
  { name, url }: WebhookGate,
  subject: Subject,
  fetchWebhook: MeasureDeps["fetchWebhook"],
  signal: AbortSignal,
): Promise<Result> {
  const response = await fetchWebhook(requestTo(url, name, subject, signal));
  const { status } = response;
  const isDecision = response.ok || (status >= 400 && status < 500 && !LATER.has(status));
  if (!isDecision) {
    await response.body?.cancel();
    const why = status >= 300 && status < 400 ? ": redirects are not followed" : "";
    return inconclusive(`answered ${status}${why}`);
  }
  const body = await bounded(response);
  if (!response.ok) return { verdict: "failed", message: `answered ${status}${said(body)}` };
  if (body === null) return inconclusive(`answered ${status} with more than ${MOST_BYTES / 1_024} KiB`);
  if (body.trim() === "") return { verdict: "passed", message: `answered ${status}` };
  const answer = ANSWER.safeParse(parsed(body));
  if (!answer.success) return inconclusive(`answered ${status} without a verdict: ${WANTED} is wanted, or no body`);
  const { verdict, message } = answer.data;
  return { verdict, message: message ?? `answered ${status}: ${verdict}` };
}

/** Whoever hears it twice knows it by its key. */
function requestTo(url: string, gate: string, subject: Subject, signal: AbortSignal): Request {
  const { rollout, application, version, step, stepStartedAt, percentage, measurement } = subject;
  return new Request(url, {
    method: "POST",
    redirect: "manual",
    signal,
    headers: {
      "content-type": "application/json",
      "user-agent": "Gantry-Gate/1.0",
      "idempotency-key": `${rollout}/${step}/${stepStartedAt}/${encodeURIComponent(gate)}/${measurement}`,
    },
    body: JSON.stringify({ rollout, application, version, step, percentage, gate, measurement }),
  });
}

/** Null: it is too long. */
async function bounded({ body }: Response): Promise<string | null> {
  if (body === null) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > MOST_BYTES) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** What is said of a refusal, where it is said in the way that is asked for. */
function said(body: string | null): string {
  const answer = z.object({ message: z.string() }).safeParse(parsed(body ?? ""));
  return answer.success ? `: ${answer.data.message}` : "";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
