/** The document says of a small route table what these routes are, and refuses to be silent about a field. */
import * as z from "zod";
import { describe, it } from "vitest";
import { defineRoute, type Route } from "../route.ts";
import { openApiDocument } from "./document.ts";
import { fieldsPage } from "./fields.ts";
import { nameSchemas } from "./schemas.ts";

const sizeSchema = z.strictObject({ unit: z.enum(["s", "m"]).default("s").describe("the unit") });
const thingSchema = z.strictObject({
  name: z.string().max(9).describe("its name"),
  size: sizeSchema.optional().describe("its size"),
});
const thingResult = z.strictObject({ id: z.uuid(), size: sizeSchema });
nameSchemas([{ thingSchema, thingResult }, { sizeSchema }]);

const run = () => Promise.reject(new Error("never run"));
const routes: readonly Route[] = [
  defineRoute({
    method: "PATCH",
    path: "/things/:id",
    tag: "Things",
    summary: "Change a thing",
    query: z.strictObject({ quietly: z.enum(["true"]).optional().describe("tell nobody") }),
    body: thingSchema,
    result: thingResult,
    errors: ["APPLICATION_NOT_FOUND"],
    etag: true,
    run,
  }),
];

interface Operation {
  readonly parameters: { $ref?: string; name?: string }[];
  readonly responses: Record<string, { $ref?: string; headers?: object }>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, { required?: string[]; properties?: Record<string, object> }> };
}
const document = openApiDocument(routes, "1") as unknown as Document;
const path = "/client/v4/accounts/{account_id}/containers/things/{id}";
const operation = document.paths[path]?.["patch"] as Operation;

describe("the document of a route", () => {
  it("has it on the account's base and on the legacy one", ({ expect }) => {
    const legacy = path.replace("containers", "cloudchamber");
    expect(Object.keys(document.paths).filter((known) => known.includes("things"))).toEqual([path, legacy]);
  });

  it("names the headers and parameters that have an effect", ({ expect }) => {
    const names = operation.parameters.map(({ $ref, name }) => name ?? $ref?.split("/").at(-1));
    expect(names).toEqual(["account_id", "id", "quietly", "Idempotency-Key", "If-Match"]);
    expect(Object.keys(operation.responses["200"]?.headers ?? {})).toContain("ETag");
  });

  it("has each status with the codes that it can mean, the route's own and everybody's", ({ expect }) => {
    expect(operation.responses["404"]?.$ref).toMatch(/APPLICATION_NOT_FOUND/);
    expect(operation.responses["404"]?.$ref).toMatch(/ACCOUNT_NOT_FOUND/);
    expect(Object.keys(operation.responses)).toEqual([
      "200",
      "400",
      "401",
      "403",
      "404",
      "409",
      "412",
      "413",
      "415",
      "422",
      "429",
    ]);
  });

  it("names a schema once where it is the same both ways, and twice where defaults make it differ", ({ expect }) => {
    const { Size, SizeAnswer, Thing, ThingInput } = document.components.schemas;
    expect([Size?.required, SizeAnswer?.required]).toEqual([undefined, ["unit"]]);
    expect(Thing?.properties?.["size"] ?? ThingInput?.properties?.["size"]).toBeDefined();
    expect(JSON.stringify(document)).not.toMatch(/\$defs|@answer/);
  });
});

describe("the page of fields", () => {
  it("tells which fields have no test", async ({ expect }) => {
    const { problems } = await fieldsPage(document, async () => "");
    expect(problems).toContainEqual(expect.stringMatching(/name: has no test/));
    expect(problems).toContainEqual(expect.stringMatching(/quietly: has no test/));
    expect(problems).not.toContainEqual(expect.stringMatching(/has no description/));
  });

  it("tells which fields have no description", async ({ expect }) => {
    const silent = defineRoute({
      method: "POST",
      path: "/silent",
      tag: "Things",
      summary: "Silent",
      query: z.strictObject({}),
      body: z.strictObject({ what: z.string() }),
      result: null,
      run,
    });
    const { problems } = await fieldsPage(openApiDocument([silent], "1"), async () => "");
    expect(problems).toContain('POST /silent: what: has no description: add .describe("what it does") to its schema');
  });
});
