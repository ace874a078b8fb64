/** What is wrong with a manifest or a plan: where, and what to do about it. All of it is told at once. */

/** Where something was written. */
export interface Origin {
  readonly file: string;
  /** From 1; null where a file has only one. */
  readonly document: number | null;
}

export interface Problem {
  readonly origin: Origin | null;
  /** `application/web`; null for what is wrong with all of it. */
  readonly resource: string | null;
  /** `spec.configuration.image`; empty for the whole. */
  readonly field: string;
  readonly message: string;
}

export class ProblemsError extends Error {
  override readonly name = "ProblemsError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(describeProblem).join("\n"));
    this.problems = problems;
  }
}

export function problem(message: string, rest: Partial<Omit<Problem, "message">> = {}): Problem {
  return { origin: null, resource: null, field: "", ...rest, message };
}

export function describeProblem({ origin, resource, field, message }: Problem): string {
  const file =
    origin === null ? [] : [origin.document === null ? origin.file : `${origin.file}, document ${origin.document}`];
  const where = [...file, ...(resource === null ? [] : [resource]), ...(field === "" ? [] : [field])];
  return where.length === 0 ? message : `${where.join(": ")}: ${message}`;
}
