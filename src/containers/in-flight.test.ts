import { describe, it } from "vitest";
import { InFlight } from "./in-flight.ts";

describe("a request that is under way", () => {
  it("is over with an answer to HEAD, whose length is that of a body which never comes", ({ expect }) => {
    const inFlight = new InFlight(
      () => 0,
      () => undefined,
    );
    inFlight.begin();
    const answer = new Response("", { headers: { "content-length": "50000000" } });
    expect(inFlight.track(answer, "HEAD")).toBeNull();
    expect(inFlight.count).toBe(0);
  });
});
