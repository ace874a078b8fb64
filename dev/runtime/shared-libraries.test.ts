import { describe, it } from "vitest";
import { parseLdd } from "./shared-libraries.ts";

describe("the libraries a program needs", () => {
  it("are the absolute paths that ldd names, the loader included", ({ expect }) => {
    const output = [
      "\tlinux-vdso.so.1 (0x00007ffc)",
      "\tlibdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007f01)",
      "\t/lib64/ld-linux-x86-64.so.2 (0x00007f02)",
    ].join("\n");
    expect(parseLdd(output)).toEqual(["/lib/x86_64-linux-gnu/libdl.so.2", "/lib64/ld-linux-x86-64.so.2"]);
  });

  it("are none for a static program", ({ expect }) => {
    expect(parseLdd("\tstatically linked\n")).toEqual([]);
  });

  it("must all exist", ({ expect }) => {
    expect(() => parseLdd("\tlibatomic.so.1 => not found\n")).toThrow("libatomic.so.1");
  });
});
