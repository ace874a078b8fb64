import { describe, it } from "vitest";
import { newDeploymentId, parseDeploymentId, placeOf } from "./deployment-id.ts";
import { JURISDICTIONS, REGIONS } from "./placement/location.ts";

const APPLICATION = "0f8fad5b-d9cb-469f-a165-70867728950e";

describe("a deployment's id", () => {
  it("leads back to its application", ({ expect }) => {
    const id = newDeploymentId(APPLICATION);
    expect(id).toMatch(/^auto-0-0f8fad5bd9cb469fa16570867728950e-[0-9a-f]{12}$/);
    expect(parseDeploymentId(id)).toEqual({ region: "auto", shard: 0, applicationId: APPLICATION });
  });

  it("fits into a label and is never given twice", ({ expect }) => {
    const ids = Array.from({ length: 1_000 }, () => newDeploymentId(APPLICATION));
    expect(new Set(ids).size).toBe(1_000);
    expect(Math.max(...ids.map((id) => id.length))).toBeLessThanOrEqual(64);
  });

  it("may name another region and shard", ({ expect }) => {
    const address = parseDeploymentId("weur-17-0f8fad5bd9cb469fa16570867728950e-0123456789ab");
    expect(address).toEqual({ region: "weur", shard: 17, applicationId: APPLICATION });
  });

  it.for([
    "",
    "auto-0",
    "auto-0-0f8fad5bd9cb469fa16570867728950e",
    "auto-x-0f8fad5bd9cb469fa16570867728950e-0123456789ab",
    "auto-0-0F8FAD5BD9CB469FA16570867728950E-0123456789ab",
    "auto-0-0f8fad5bd9cb469fa16570867728950e-0123456789ab-",
    "auto-0-0f8fad5bd9cb469fa16570867728950e-0123456789a",
    "auto-0-0f8fad5bd9cb469fa16570867728950e-0123456789ab\n",
    `${"a".repeat(100)}-0-0f8fad5bd9cb469fa16570867728950e-0123456789ab`,
  ])("is not %j", (id, { expect }) => {
    expect(parseDeploymentId(id)).toBeNull();
  });

  it("says where its object is made, in each region and jurisdiction, within the length of a label", ({ expect }) => {
    for (const jurisdiction of [null, ...JURISDICTIONS]) {
      for (const region of REGIONS) {
        const id = newDeploymentId(APPLICATION, { region, jurisdiction });
        expect(placeOf(id)).toEqual({ region, jurisdiction });
        expect(parseDeploymentId(id)?.applicationId).toBe(APPLICATION);
        expect(parseDeploymentId(id)?.region.length).toBeLessThanOrEqual(8);
        expect(id.length).toBeLessThanOrEqual(64);
      }
    }
    expect(placeOf(newDeploymentId(APPLICATION))).toBeNull();
    expect(placeOf("moon-0-0f8fad5bd9cb469fa16570867728950e-0123456789ab")).toBeNull();
  });

  it("is not made of what is no application's id", ({ expect }) => {
    expect(() => newDeploymentId("app")).toThrow("not a UUID");
  });
});
