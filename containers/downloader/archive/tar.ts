/**
 * Headers of a tar archive, the same bytes at every run: nobody's files, of no time. A size that does not fit into octal
 * digits is written in base 256, which GNU tar, Go, libarchive and busybox read; a name that does not fit has a header
 * of its own, as POSIX has it. Pure.
 */

export const BLOCK = 512;
/** What an archive ends with. */
export const END: Uint8Array = new Uint8Array(2 * BLOCK);

const MAX_NAME = 100;
/** Eleven octal digits. */
const MAX_OCTAL = 8 ** 11 - 1;

/** Everything before the content of one file. */
export function headerOf(name: string, size: number): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= MAX_NAME) return block(bytes, size, "0");
  const record = paxRecord("path", name);
  const short = bytes.subarray(0, MAX_NAME);
  const parts = [
    block(short, record.length, "x"),
    record,
    new Uint8Array(paddingOf(record.length)),
    block(short, size, "0"),
  ];
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Zeros up to the next block. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function block(name: Uint8Array, size: number, type: "0" | "x"): Uint8Array {
  const header = new Uint8Array(BLOCK);
  header.set(name, 0);
  write(header, 100, octal(0o644, 8));
  write(header, 108, octal(0, 8));
  write(header, 116, octal(0, 8));
  header.set(sizeField(size), 124);
  write(header, 136, octal(0, 12));
  // The sum counts its own field as blanks.
  write(header, 148, "        ");
  write(header, 156, type);
  write(header, 257, "ustar\x0000");
  const sum = header.reduce((total, byte) => total + byte, 0);
  write(header, 148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}

function sizeField(size: number): Uint8Array {
  if (size <= MAX_OCTAL) return new TextEncoder().encode(octal(size, 12));
  const field = new Uint8Array(12);
  field[0] = 0x80;
  let left = size;
  for (let index = 11; index > 0; index -= 1) {
    field[index] = left % 256;
    left = Math.floor(left / 256);
  }
  return field;
}

/** Its length counts itself. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
  return new TextEncoder().encode(`${length}${rest}`);
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, "0")}\0`;
}

function write(header: Uint8Array, at: number, text: string): void {
  header.set(new TextEncoder().encode(text), at);
}
