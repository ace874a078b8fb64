/** What the reader prints, and cursors. The reader and the init themselves: `containers/init/gantry-init.test.ts`. */
import { array, assert, integer, property, record, string, stringMatching, tuple } from "fast-check";
import { describe, it } from "vitest";
import { formatCursor, parseCursor } from "./cursor.ts";
import { positionsAfter, readRing } from "./ring.ts";

describe("what the reader prints", () => {
  it("is lines of both streams by their numbers, from whichever file", ({ expect }) => {
    const output = "= stdout\n30 3 1:c\n10 1 1:a\n20 2 3!b:!\n= stderr\n15 1 2:e\r\n= end\n";
    const lines = readRing({ exitCode: 0, output });
    if (typeof lines === "string") throw new Error(lines);
    expect(lines.map(({ stream, sequence, at, text, isCut }) => [stream, sequence, at, text, isCut])).toEqual([
      ["stdout", 1, 10, "a", false],
      ["stdout", 2, 20, "b:!", true],
      ["stdout", 3, 30, "c", false],
      ["stderr", 1, 15, "e", false],
    ]);
    expect(positionsAfter({ stdout: 0, stderr: 4 }, lines)).toEqual({ stdout: 3, stderr: 4 });
  });

  it.for([
    [9, "", "no_init"],
    [8, "", "no_output_kept"],
    [127, "", "no_shell"],
    [0, "= stdout\n1 1 1:a\n", "no_shell"],
  ] as const)("%j", ([exitCode, output, why], { expect }) => {
    expect(readRing({ exitCode, output })).toBe(why);
  });
});

describe("a cursor", () => {
  const number = integer({ min: 0, max: 1e12 });
  const place = record({ generation: number, stdout: number, stderr: number });
  const id = stringMatching(/^[0-9a-f]{16}$/);

  it("comes back as it went", ({ expect }) => {
    assert(
      property(array(tuple(id, place), { maxLength: 50 }), (entries) => {
        const cursor = new Map(entries);
        expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
      }),
    );
  });

  it("that is none is known", ({ expect }) => {
    assert(
      property(string({ minLength: 1 }), (text) => {
        expect(parseCursor(text)).toBeNull();
      }),
    );
  });
});
