import { afterAll, beforeAll, describe, it } from "vitest";
import { gantry, newAccount, startPlane, stopPlane } from "./plane.ts";

beforeAll(startPlane, 60_000);
afterAll(stopPlane);

export const ALL = `
owner: team/web
---
kind: secret
name: api-key
spec: { value: { env: API_KEY } }
---
kind: ssh-key
name: laptop
spec: { public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9yTl0UMxgBBBQGBQYGBwcICAkJCgoLCwwMDQ0ODg8P }
---
kind: registry
name: r.example.com
spec: { is_public: true }
---
kind: protocol
name: mine
spec: { domains: [{ domain: { ref: registry/r.example.com }, path: team }] }
---
kind: application
name: web
spec:
  instances: 2
  configuration:
    image: hello-world
    secrets: [{ name: API_KEY, type: env, secret: { ref: secret/api-key } }]
    ssh_public_key_ids: [{ ref: ssh-key/laptop }]
---
kind: deployment
name: worker
spec: { image: hello-world, location: weur, checks: [] }
---
kind: account
spec: { limits: { total_instances: 500 } }
`;

describe("apply", () => {
  it("makes everything, and the second time nothing", async ({ expect }) => {
    const account = await newAccount();
    const first = await gantry({ account, stdin: ALL, env: { API_KEY: "s3cr3t" } }, "apply", "-f", "-");
    console.log(first.out, first.err);
    expect(first.code).toBe(0);
    const second = await gantry({ account, stdin: ALL }, "diff", "-f", "-", "--exit-code");
    console.log(second.out, second.err);
    expect([second.code, second.err]).toEqual([0, ""]);
    const exported = await gantry({ account }, "export", "--owner", "team/web");
    console.log(exported.out, exported.err);
    const third = await gantry({ account, stdin: exported.out }, "diff", "-f", "-", "--exit-code", "--prune");
    console.log(third.out, third.err);
    expect([third.code, third.err]).toEqual([0, ""]);
  });
});
