/** The tools as the model is told of them, and what runs when it asks for one. */
import type { Tool } from "@anthropic-ai/sdk/resources/messages";
import { chown, mkdir } from "node:fs/promises";
import { fetchForModel } from "./fetch.ts";
import { isToolName, type ToolName } from "./names.ts";
import { failed, type ToolResult } from "./result.ts";
import { runShell } from "./shell.ts";
import type { Settings, ToolSettings } from "../settings.ts";
import { listWorkFiles, readWorkFile, writeWorkFile } from "./work-folder.ts";

type Field = "string" | "headers";

interface Definition {
  readonly description: string;
  readonly fields: Readonly<
    Record<string, { readonly type: Field; readonly description: string; readonly optional?: true }>
  >;
}

const DEFINITIONS: Readonly<Record<ToolName, Definition>> = {
  shell: {
    description:
      "Runs a command with /bin/sh in the work folder and returns what it prints and its exit code. Time, memory and output are limited.",
    fields: { command: { type: "string", description: "The command" } },
  },
  read_file: {
    description: "Returns the text of a file below the work folder.",
    fields: { path: { type: "string", description: "Relative to the work folder" } },
  },
  write_file: {
    description: "Writes a file below the work folder, in place of what was there. Folders on the way are made.",
    fields: {
      path: { type: "string", description: "Relative to the work folder" },
      content: { type: "string", description: "The whole text" },
    },
  },
  list_files: {
    description: "Lists a folder below the work folder; names of folders end with a slash.",
    fields: { path: { type: "string", description: "Relative to the work folder; default: itself", optional: true } },
  },
  fetch: {
    description: "Makes an HTTP request and returns status and text. Which hosts may be reached is limited.",
    fields: {
      url: { type: "string", description: "http or https" },
      method: { type: "string", description: "Default: GET", optional: true },
      headers: { type: "headers", description: "Names and values", optional: true },
      body: { type: "string", description: "Text of the body", optional: true },
    },
  },
};

export function toolsFor(names: readonly ToolName[]): Tool[] {
  return names.map((name) => {
    const { description, fields } = DEFINITIONS[name];
    const properties = Object.fromEntries(
      Object.entries(fields).map(([field, { type, description: said }]) => [
        field,
        type === "string"
          ? { type, description: said }
          : { type: "object", description: said, additionalProperties: { type: "string" } },
      ]),
    );
    const required = Object.entries(fields).flatMap(([field, { optional }]) => (optional === true ? [] : [field]));
    return { name, description, input_schema: { type: "object", properties, required, additionalProperties: false } };
  });
}

export interface ToolCall {
  readonly name: string;
  readonly input: unknown;
}

/** What is wrong with it is said to the model, which may ask again. */
export async function runTool(
  call: ToolCall,
  allowed: readonly ToolName[],
  { tools, baseUrl }: Pick<Settings, "tools" | "baseUrl">,
  signal: AbortSignal,
): Promise<ToolResult> {
  const { name } = call;
  if (!isToolName(name) || !allowed.includes(name)) {
    return failed(`there is no tool ${name}; there are ${allowed.join(", ")}`);
  }
  const problem = inputProblem(name, call.input);
  if (problem !== null) return failed(problem);
  try {
    await prepareWorkDir(tools);
    return await run(name, call.input, { tools, baseUrl }, signal);
  } catch (error) {
    signal.throwIfAborted();
    // One tool that cannot be run is no end of a chat.
    const why = error instanceof Error ? error.message : String(error);
    console.error(JSON.stringify({ level: "error", message: "tool.failed", tool: name, error: why }));
    return failed(`${name} could not be run: ${why}`);
  }
}

async function run(
  name: ToolName,
  given: unknown,
  { tools, baseUrl }: Pick<Settings, "tools" | "baseUrl">,
  signal: AbortSignal,
): Promise<ToolResult> {
  const input = given as Readonly<Record<string, string>>;
  switch (name) {
    case "shell":
      return await runShell(input["command"] ?? "", tools, signal);
    case "read_file":
      return await readWorkFile(input["path"] ?? "", tools);
    case "write_file":
      return await writeWorkFile(input["path"] ?? "", input["content"] ?? "", tools);
    case "list_files":
      return await listWorkFiles(input["path"] ?? ".", tools);
    case "fetch": {
      const { url = "", method, body } = input;
      const headers = (given as { headers?: Record<string, string> }).headers;
      const limits = { ...tools, refusedHost: new URL(baseUrl).hostname };
      return await fetchForModel({ url, method, headers, body }, limits, signal);
    }
  }
}

async function prepareWorkDir({ workDir, shellUser }: ToolSettings): Promise<void> {
  const made = await mkdir(workDir, { recursive: true, mode: 0o700 });
  if (made !== undefined && shellUser !== null) await chown(workDir, shellUser.uid, shellUser.gid);
}

function inputProblem(name: ToolName, input: unknown): string | null {
  if (typeof input !== "object" || input === null || Array.isArray(input))
    return `the input of ${name} must be an object`;
  const { fields } = DEFINITIONS[name];
  const given = input as Readonly<Record<string, unknown>>;
  for (const [field, { type, optional }] of Object.entries(fields)) {
    const value = given[field];
    if (value === undefined && optional === true) continue;
    if (!isOf(type, value))
      return `${field} of ${name} must be ${type === "string" ? "a string" : "an object of strings"}`;
  }
  const unknown = Object.keys(given).filter((field) => !Object.hasOwn(fields, field));
  return unknown.length === 0 ? null : `${name} has no field ${unknown.join(", ")}`;
}

function isOf(type: Field, value: unknown): boolean {
  if (type === "string") return typeof value === "string";
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((each) => typeof each === "string")
  );
}
