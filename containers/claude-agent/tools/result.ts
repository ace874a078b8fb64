/** What a tool says back to the model, cut to what it may cost. */
export interface ToolResult {
  readonly text: string;
  readonly isError: boolean;
}

export function done(text: string): ToolResult {
  return { text, isError: false };
}

export function failed(text: string): ToolResult {
  return { text, isError: true };
}

/** By bytes, never within a character. */
export function cut(bytes: Uint8Array, limit: number): string {
  if (bytes.length <= limit) return decode(bytes);
  let end = limit;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${decode(bytes.subarray(0, end))}\n[cut: ${bytes.length - end} more bytes]`;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
