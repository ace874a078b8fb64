import { describe, it } from "vitest";
import { ApiError } from "../http/api-error.ts";
import { Places } from "./places.ts";

describe("places", () => {
  it("are as many as there are, and taken again when they were given back", ({ expect }) => {
    const places = new Places(2);
    const [first] = [places.take(), places.take()];
    const refused = (): unknown => {
      try {
        return places.take();
      } catch (error) {
        return error;
      }
    };
    expect(refused()).toBeInstanceOf(ApiError);
    expect(refused()).toMatchObject({ status: 503, code: "BUSY", retryAfter: 10 });
    first();
    // Given back twice, it is still one.
    first();
    places.take();
    expect(refused()).toBeInstanceOf(ApiError);
  });
});
