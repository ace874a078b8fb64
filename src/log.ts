/** Structured logs: one event per outcome, a dotted name as the message and its facts as fields. */

export type LogFields = Record<string, string | number | boolean | null | undefined>;

export const log = {
  info: (message: string, fields: LogFields = {}): void => console.log({ message, ...fields }),
  warn: (message: string, fields: LogFields = {}): void => console.warn({ message, ...fields }),
  error: (message: string, fields: LogFields = {}): void => console.error({ message, ...fields }),
};
