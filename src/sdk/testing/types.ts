/** What a test says about an application. */
import type { ExecRequest, ExecResult } from "../binding.ts";
import type { TerminalSize } from "../calls/terminal.ts";
import type { EgressConfig } from "../definition/egress.ts";

export type { ExecRequest, ExecResult, InstanceState, StartOptions } from "../binding.ts";

export interface TestCall {
  /** What `get` was called with; of a member of the pool its public id. */
  readonly id: string;
  readonly port: number;
  readonly instance: string;
  readonly generation: number;
  /** What `start` was given. */
  readonly env: Readonly<Record<string, string>>;
}

export type TestHandler = (request: Request, call: TestCall) => Response | Promise<Response>;

/** A terminal, seen from the command. */
export interface TerminalSession {
  readonly command: string;
  readonly args: readonly string[];
  readonly size: TerminalSize;
  write(output: string | Uint8Array): void;
  onInput(listener: (keys: Uint8Array) => void): void;
  onResize(listener: (size: TerminalSize) => void): void;
  exit(code: number): void;
}

export interface TestApplication {
  readonly fetch: TestHandler;
  readonly exec?: (request: ExecRequest, instance: { readonly id: string }) => ExecResult | Promise<ExecResult>;
  readonly terminal?: (session: TerminalSession) => void;
  /** Its policy, for `mayReach` and the handles; default: that of its definition, else nothing may be reached. */
  readonly egress?: EgressConfig;
}
