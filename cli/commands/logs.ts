/** `gantry logs`: what the containers of an application have printed, and print. */
import type { Client } from "../../src/sdk/client/index.ts";
import { connect, type ConnectionFlags } from "../connection.ts";
import type { Io } from "../io.ts";
import { EXIT, type ExitCode } from "./apply.ts";

export interface LogFlags extends ConnectionFlags {
  readonly json?: boolean | undefined;
  readonly follow?: boolean | undefined;
  readonly instance?: string | undefined;
  readonly job?: string | undefined;
  readonly level?: string | undefined;
  readonly status?: string | undefined;
  readonly stream?: string | undefined;
  readonly since?: string | undefined;
  readonly contains?: string | undefined;
  readonly limit?: string | undefined;
}

interface Line {
  readonly time: string;
  readonly instance: string;
  readonly message: string;
}

interface Missing {
  readonly instance: string;
  readonly message: string;
}

const FILTERS = ["instance", "job", "level", "status", "stream", "since", "contains", "limit"] as const;
const ID_SHOWN = 8;

export async function logs(io: Io, application: string, flags: LogFlags): Promise<ExitCode> {
  return await tellLogs(io, await connect(io, flags), application, flags);
}

export async function tellLogs(io: Io, client: Client, application: string, flags: LogFlags): Promise<ExitCode> {
  // The API says which values it takes.
  const query = Object.fromEntries(FILTERS.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
  const params = { id: application };
  if (flags.follow === true) {
    const asked = { params, query: { ...query, follow: "true" as const } };
    await follow(io, await client.stream("GET /applications/{id}/logs", asked), flags);
    return EXIT.done;
  }
  const { result } = await client.request("GET /applications/{id}/logs", { params, query });
  for (const entry of result.entries.toReversed()) say(io, flags, entry);
  for (const missing of result.unavailable) warn(io, missing);
  return EXIT.done;
}

/** To the end of the stream, which comes with that of the instance, or after ten minutes. */
async function follow(io: Io, response: Response, flags: LogFlags): Promise<void> {
  let waiting = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const blocks = `${waiting}${decoder.decode(chunk, { stream: true })}`.split("\n\n");
    waiting = blocks.pop() ?? "";
    for (const block of blocks) told(io, block, flags);
  }
}

function told(io: Io, block: string, flags: LogFlags): void {
  const [, name] = /^event: (.*)$/m.exec(block) ?? [];
  const [, data] = /^data: (.*)$/m.exec(block) ?? [];
  if (data === undefined) return;
  if (name === "LogEntry") say(io, flags, JSON.parse(data) as Line);
  if (name === "LogsNotAvailable") warn(io, JSON.parse(data) as Missing);
  if (name === "InstanceEnded") io.err(`instance ${(JSON.parse(data) as Missing).instance} has ended\n`);
  if (name === "StreamEnded") io.err(`${(JSON.parse(data) as { reason: string }).reason}\n`);
}

function say(io: Io, { json }: LogFlags, entry: Line): void {
  const { time, instance, message } = entry;
  io.out(`${json === true ? JSON.stringify(entry) : `${time} ${instance.slice(0, ID_SHOWN)} ${message}`}\n`);
}

function warn(io: Io, { instance, message }: Missing): void {
  io.err(`no logs of ${instance}: ${message}\n`);
}
