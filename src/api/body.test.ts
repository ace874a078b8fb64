import { describe, it } from "vitest";
import * as z from "zod";
import { GantryError } from "../errors.ts";
import { fieldName, invalid, MAX_BODY_BYTES, parseJson, readText, validate } from "./body.ts";

const post = (body: BodyInit | null, headers: Record<string, string> = {}) =>
  new Request("http://control.test/", { method: "POST", body, headers });

const readJson = async (request: Request) => parseJson(await readText(request), request);

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return GantryError.is(error) ? error.code : `not refused: ${String(error)}`;
}

function detailsOf(schema: z.ZodType, value: unknown): unknown {
  try {
    return validate(schema, value);
  } catch (error) {
    return GantryError.is(error) ? error.details : error;
  }
}

/** A JSON text of this many bytes. */
const json = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;

describe("a field's name", () => {
  it.for([
    [[], "body"],
    [["a"], "a"],
    [["configuration", "ports", 0, "port"], "configuration.ports[0].port"],
    [[0, "x"], "[0].x"],
    [["x".repeat(500)], "x".repeat(200)],
  ] as const)("of %j is %s", ([path, name], { expect }) => {
    expect(fieldName(path)).toBe(name);
  });
});

describe("a value", () => {
  const schema = z.strictObject({ a: z.number(), b: z.array(z.strictObject({ c: z.string() })) });

  it("that fits is typed and unchanged", ({ expect }) => {
    expect(validate(schema, { a: 1, b: [{ c: "x" }] })).toEqual({ a: 1, b: [{ c: "x" }] });
  });

  it("that does not fit is refused with every field, the unknown ones by path", ({ expect }) => {
    const details = detailsOf(schema, { a: "1", b: [{ c: "x", d: 1 }], e: 1 });
    expect(Object.keys(details as object).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["a", "b[0].d", "e"]);
  });

  it("with a __proto__ key is refused by that name", ({ expect }) => {
    const details = detailsOf(schema, JSON.parse('{"a":1,"b":[],"__proto__":{"a":2}}'));
    expect(Object.keys(details as object)).toEqual(["__proto__"]);
  });

  it("with thousands of errors is refused with a bounded answer", ({ expect }) => {
    const value = { a: 1, b: Array.from({ length: 5_000 }, () => 1) };
    expect(Object.keys(detailsOf(schema, value) as object).length).toBeLessThanOrEqual(32);
    const fields = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field${index}`, "is wrong"]));
    expect(invalid(fields).message.length).toBeLessThanOrEqual(1_000);
  });
});

describe("a body", () => {
  it.for([
    undefined,
    "application/json",
    "application/merge-patch+json",
    "application/json; charset=utf-8",
    "text/plain",
  ])("of type %s is read as JSON", async (type, { expect }) => {
    expect(await readJson(post('{"a":1}', type === undefined ? {} : { "content-type": type }))).toEqual({ a: 1 });
  });

  it.for(["application/xml", "multipart/form-data", "application/jsonx+zip"])(
    "of type %s is not",
    async (type, { expect }) => {
      expect(await codeOf(readJson(post("{}", { "content-type": type })))).toBe("UNSUPPORTED_MEDIA_TYPE");
    },
  );

  it.for(["", " ", "{", "undefined", "{'a':1}"])("that is %j is refused", async (body, { expect }) => {
    expect(await codeOf(readJson(post(body, { "content-type": "application/json" })))).toBe("VALIDATE_INPUT");
  });

  it("is taken at the limit and refused above it, by count where no length is told", async ({ expect }) => {
    const headers = { "content-type": "application/json" };
    expect(await readJson(post(json(MAX_BODY_BYTES), headers))).toHaveLength(MAX_BODY_BYTES - 2);
    expect(await codeOf(readJson(post(json(MAX_BODY_BYTES + 1), headers)))).toBe("BODY_TOO_LARGE");
    const told = { ...headers, "content-length": String(MAX_BODY_BYTES + 1) };
    expect(await codeOf(readJson(post("1", told)))).toBe("BODY_TOO_LARGE");
  });
});
