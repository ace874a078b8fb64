import { describe, it } from "vitest";
import { rewriteCreateBody } from "./create-body.ts";

const LABELS = { "dev.gantry.session": "s1" };

describe("the body of a create request", () => {
  it("loses the restart policy and gains the labels, and keeps everything else", ({ expect }) => {
    const body = JSON.stringify({
      Image: "app:1",
      Env: ["A=b"],
      Labels: { mine: "yes" },
      HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 0 }, CapAdd: ["NET_ADMIN"], Memory: 1 },
      NetworkingConfig: { EndpointsConfig: { bridge: null } },
    });
    expect(JSON.parse(rewriteCreateBody(body, LABELS))).toEqual({
      Image: "app:1",
      Env: ["A=b"],
      Labels: { mine: "yes", "dev.gantry.session": "s1" },
      HostConfig: { RestartPolicy: { Name: "no" }, CapAdd: ["NET_ADMIN"], Memory: 1 },
      NetworkingConfig: { EndpointsConfig: { bridge: null } },
    });
  });

  it.for([["{}"], ['{"Labels":null,"HostConfig":null}']])(
    "needs neither labels nor host settings: %s",
    ([body], { expect }) => {
      expect(JSON.parse(rewriteCreateBody(body ?? "", LABELS))).toEqual({
        Labels: LABELS,
        HostConfig: { RestartPolicy: { Name: "no" } },
      });
    },
  );

  it.for([["not json"], ["[]"], ['{"Labels":7}'], [""]])(
    "that is not one goes to Docker as it is: %s",
    ([body], { expect }) => {
      expect(rewriteCreateBody(body ?? "", LABELS)).toBe(body);
    },
  );
});
