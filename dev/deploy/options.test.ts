import { describe, it } from "vitest";
import { parseOptions, readCredentials } from "./options.ts";

const given = { CLOUDFLARE_API_TOKEN: "t", CLOUDFLARE_ACCOUNT_ID: "0123456789abcdef0123456789abcdef" };

describe("the command line", () => {
  it.for([
    [[], /--env is missing: staging or production/],
    [["--env", "dev"], /--env is "dev"/],
    [["--env", "staging", "--force"], /--force/],
    [["--env", "staging", "--containers-rollout", "slow"], /--containers-rollout is "slow"/],
    [["--env", "staging", "--ingress-domain", "https://x.com"], /not a host name/],
    [["--env", "staging", "--ingress-domain", "localhost"], /not a host name/],
  ] as const)("refuses %j", ([args, message], { expect }) => {
    expect(() => parseOptions(args, {})).toThrow(message);
  });

  it("takes the ingress domain from the variable, and the argument before it", ({ expect }) => {
    const variables = { INGRESS_DOMAIN: "a.example.com" };
    expect(parseOptions(["--env", "staging"], variables)).toMatchObject({ ingressDomain: "a.example.com" });
    const args = ["--env", "staging", "--ingress-domain", "B.example.com"];
    expect(parseOptions(args, variables)).toMatchObject({ ingressDomain: "b.example.com" });
  });
});

describe("credentials", () => {
  it("name the missing token, where to get it and every permission it needs, in one line", ({ expect }) => {
    const error = messageOf(() => readCredentials({ ...given, CLOUDFLARE_API_TOKEN: "" }));
    expect(error).toMatch(/^CLOUDFLARE_API_TOKEN is not set: .*dash\.cloudflare\.com\/profile\/api-tokens/);
    for (const product of ["Workers Scripts", "Containers", "R2", "KV", "Queues"]) expect(error).toContain(product);
    expect(error).not.toContain("\n");
  });

  it("name the missing account id and where it is found", ({ expect }) => {
    expect(messageOf(() => readCredentials({ CLOUDFLARE_API_TOKEN: "t" }))).toMatch(
      /^CLOUDFLARE_ACCOUNT_ID is not set/,
    );
    expect(messageOf(() => readCredentials({ ...given, CLOUDFLARE_ACCOUNT_ID: "me" }))).toMatch(/32 lower-case hex/);
  });

  it("go to Cloudflare unless a base URL is set", ({ expect }) => {
    expect(readCredentials(given).baseUrl).toBe("https://api.cloudflare.com/client/v4");
    const local = { ...given, CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:1/client/v4/" };
    expect(readCredentials(local).baseUrl).toBe("http://127.0.0.1:1/client/v4");
  });
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}
