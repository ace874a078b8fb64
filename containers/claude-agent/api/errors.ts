/** What is answered when there is no answer: `{"error": {code, message, details?}}`, the same of every path. */
export interface ErrorAnswer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export class ApiError extends Error {
  readonly answer: ErrorAnswer;

  constructor(answer: ErrorAnswer) {
    super(answer.message);
    this.name = "ApiError";
    this.answer = answer;
  }
}

export function invalid(fields: Readonly<Record<string, string>>): ApiError {
  const [[field, why] = ["body", "is not valid"]] = Object.entries(fields);
  return new ApiError({ status: 400, code: "INVALID_INPUT", message: `${field} ${why}`, details: { fields } });
}

export function errorBody({ code, message, details }: ErrorAnswer) {
  return { error: { code, message, ...(details === undefined ? {} : { details }) } };
}
