/** The tools that there are, by the names that models and callers use. */
export const TOOL_NAMES = ["shell", "read_file", "write_file", "list_files", "fetch"] as const;

export type ToolName = (typeof TOOL_NAMES)[number];

export function isToolName(name: string): name is ToolName {
  return (TOOL_NAMES as readonly string[]).includes(name);
}
