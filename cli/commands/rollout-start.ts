/** `gantry rollout start`: begins a rollout to a stored version, or to what runs with something changed, and follows it. */
import type { Api } from "../api.ts";
import type { ConnectionFlags } from "../connection.ts";
import type { Io } from "../io.ts";
import { problem, ProblemsError, type Problem } from "../problems.ts";
import { EXIT, timeoutOf, type ExitCode } from "./apply.ts";
import { openApi } from "./context.ts";
import { begunText, versionOf } from "./rollout.ts";
import { followed, FOLLOWED_FOR } from "./rollout-status.ts";

export interface StartFlags extends ConnectionFlags {
  readonly json?: boolean | undefined;
  readonly version?: string | undefined;
  readonly image?: string | undefined;
  readonly set?: readonly string[] | undefined;
  readonly description?: string | undefined;
  readonly strategy?: string | undefined;
  readonly kind?: string | undefined;
  readonly steps?: string | undefined;
  readonly stepPercentage?: string | undefined;
  readonly percentage?: string | undefined;
  readonly maxSurge?: string | undefined;
  readonly maxUnavailable?: string | undefined;
  readonly minHealthyTime?: string | undefined;
  readonly progressDeadline?: string | undefined;
  readonly scaleDownDelay?: string | undefined;
  readonly wait?: boolean | undefined;
  readonly timeout?: string | undefined;
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

export async function rolloutStart(io: Io, application: string, flags: StartFlags): Promise<ExitCode> {
  const deadline = io.now() + timeoutOf(flags.timeout ?? FOLLOWED_FOR);
  const variables = variablesOf(flags.set ?? []);
  const plan = planOf(flags);
  const problems = targetProblems(flags);
  if (problems.length > 0) throw new ProblemsError(problems);
  const api = await openApi(io, flags);
  const { target, ifMatch } = await targetOf(api, application, flags, variables);
  const { result: rollout } = await api.send("POST /applications/{id}/rollouts", {
    params: { id: application },
    body: {
      description: flags.description ?? describe(flags),
      strategy: flags.strategy ?? "rolling",
      ...plan,
      ...target,
    },
    idempotencyKey: crypto.randomUUID(),
    ...(ifMatch === null ? {} : { ifMatch }),
  });
  if (flags.wait === false && flags.json === true) io.out(`${JSON.stringify(rollout)}\n`);
  else if (flags.json !== true) io.out(`${begunText(rollout)}\n`);
  return flags.wait === false ? EXIT.done : await followed({ api, io, flags, deadline }, application, rollout.id);
}

function targetProblems({ version, image, set }: StartFlags): Problem[] {
  const isChange = image !== undefined || set !== undefined;
  if (version === undefined && !isChange) {
    return [problem("what is to run is missing: give --version, --image or --set NAME=value")];
  }
  if (version === undefined || !isChange) return [];
  return [problem("is exclusive with --image and --set: a stored version is taken as it is", { field: "--version" })];
}

/** Variables that are set stand beside the others that there are: a list is only ever replaced as a whole. */
async function targetOf(api: Api, application: string, flags: StartFlags, variables: readonly Variable[]) {
  if (flags.version !== undefined) {
    return { target: { target_version: versionOf(flags.version, "--version") }, ifMatch: null };
  }
  const image = flags.image === undefined ? {} : { image: flags.image };
  if (variables.length === 0) return { target: { target_configuration: image }, ifMatch: null };
  const { result, etag } = await api.send("GET /applications/{id}", { params: { id: application } });
  const names = new Set(variables.map(({ name }) => name));
  const others = (result.configuration.environment_variables ?? []).filter(({ name }) => !names.has(name));
  const target = { target_configuration: { ...image, environment_variables: [...others, ...variables] } };
  return { target, ifMatch: etag };
}

function variablesOf(texts: readonly string[]): Variable[] {
  const variables = new Map<string, Variable>();
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1) throw new ProblemsError([problem(`must be NAME=value: ${text}`, { field: "--set" })]);
    variables.set(text.slice(0, at), { name: text.slice(0, at), value: text.slice(at + 1) });
  }
  return [...variables.values()];
}

/** What was not said is left to the API, which also refuses what does not go together. */
function planOf(flags: StartFlags): Record<string, unknown> {
  const given = {
    kind: flags.kind,
    steps: flags.steps?.split(",").map((text) => {
      const percentage = numberOf(text.trim(), "--steps");
      return { step_size: { percentage }, description: `${percentage} %` };
    }),
    step_percentage: numberIn(flags.stepPercentage, "--step-percentage"),
    percentage: numberIn(flags.percentage, "--percentage"),
    max_surge: amountOf(flags.maxSurge),
    max_unavailable: amountOf(flags.maxUnavailable),
    min_healthy_time: amountOf(flags.minHealthyTime),
    progress_deadline: flags.progressDeadline === "never" ? null : amountOf(flags.progressDeadline),
    scale_down_delay: amountOf(flags.scaleDownDelay),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function numberIn(text: string | undefined, field: string): number | undefined {
  return text === undefined ? undefined : numberOf(text, field);
}

function numberOf(text: string, field: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new ProblemsError([problem("must be a share in percent, such as 50", { field })]);
}

/** A count or seconds as a number; a share or a duration as it is. */
function amountOf(text: string | undefined): string | number | undefined {
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

function describe({ version, image, set = [] }: StartFlags): string {
  if (version !== undefined) return `to version ${version}`;
  const names = set.map((text) => text.slice(0, text.indexOf("=")));
  return [
    ...(image === undefined ? [] : [`image ${image}`]),
    ...(names.length === 0 ? [] : [`set ${names.join(", ")}`]),
  ]
    .join(", ")
    .slice(0, 1_000);
}
