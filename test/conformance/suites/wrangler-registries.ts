/** `wrangler containers registries` and `wrangler cloudchamber registries`. */
import { describe, it } from "vitest";
import { plane, RAW_JSON, requests, requestsInFull, wrangler, wranglerFailure, wranglerJson } from "../stage.ts";

const MANAGED = "registry.cloudflare.com";

export function wranglerRegistries(): void {
  describe("wrangler containers registries", () => {
    it("list has only the managed registry at first", async ({ expect }) => {
      const listed = await wranglerJson(["containers", "registries", "list", "--json"]);
      expect(listed).toEqual([expect.objectContaining({ domain: MANAGED, kind: "default" })]);
      expect(requests()).toEqual(["GET /containers/registries"]);
    });

    it("configure keeps the credential in the secret store and registers the domain", async ({ expect }) => {
      const { code, stdout, stderr } = await wrangler(configureDockerHub("hub-token"), {
        stdin: "s3cret-of-the-hub\n",
      });
      expect(`${stdout}${stderr}`).toContain("Registry configuration completed");
      expect(code).toBe(0);
      const sent = requests();
      const [, store] = /stores\/(\w+)\//.exec(sent[1] ?? "") ?? [];
      expect(sent).toEqual([
        "GET /secrets_store/stores",
        `GET /secrets_store/stores/${store}/secrets?search=hub-token`,
        `POST /secrets_store/stores/${store}/secrets`,
        "POST /containers/registries",
      ]);
      const listed = await wranglerJson(["containers", "registries", "list", "--json"]);
      expect(listed).toContainEqual(expect.objectContaining({ domain: "docker.io", kind: "DockerHub" }));
      expect(JSON.stringify(listed)).not.toContain("s3cret");
      expect((await plane.call("GET", "/registries")).result).toEqual(listed);
    });

    it("configure of the same domain again says how to change it", async ({ expect }) => {
      const text = await wranglerFailure(configureDockerHub("hub-token"), { stdin: "other\n" });
      expect(text).toContain("already exists");
      expect(text).toContain("wrangler containers registries delete docker.io");
    });

    it("delete removes it", async ({ expect }) => {
      const { code, stdout } = await wrangler(["containers", "registries", "delete", "docker.io", "-y"]);
      expect(stdout).toContain("Deleted registry docker.io");
      expect(code).toBe(0);
      expect(await externalRegistries()).toEqual([]);
    });

    it("delete of an unknown domain says so", async ({ expect }) => {
      const text = await wranglerFailure(["containers", "registries", "delete", "nowhere.example.com", "-y"]);
      expect(text).toContain("The registry nowhere.example.com does not exist.");
    });

    it("credentials of the managed registry are short-lived and scoped", async ({ expect }) => {
      requestsInFull();
      const given = await wranglerJson(["containers", "registries", "credentials", "--push", "--pull", "--json"]);
      expect(given).toMatchObject({
        account_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        registry_host: expect.stringMatching(/./),
        username: expect.stringMatching(/./),
        password: expect.stringMatching(/^\S{20,}$/),
      });
      expect(requestsInFull()).toEqual([
        expect.objectContaining({
          method: "POST",
          path: `/containers/registries/${MANAGED}/credentials`,
          body: { expiration_minutes: 15, permissions: ["push", "pull"] },
        }),
      ]);
      const again = await wranglerJson(["containers", "registries", "credentials", "--pull", "--json"]);
      expect(again.password).not.toBe(given.password);
    });

    it("a refused credential request says in words what is wrong", async ({ expect }) => {
      const minutes = "--expiration-minutes=-5";
      const text = await wranglerFailure(["containers", "registries", "credentials", "--pull", "--json", minutes]);
      expect(text).toMatch(/Bad Request|expiration_minutes/);
    });

    it("a wrong token is named as the cause", async ({ expect }) => {
      const text = await wranglerFailure(["containers", "registries", "list"], { token: "wrong-token" });
      expect(text).toMatch(/token/i);
      expect(text, "JSON inside of JSON").not.toContain(String.raw`\"`);
    });
  });

  describe("wrangler cloudchamber registries", () => {
    const DOMAIN = "registry.example.com:5000";

    it("configure, list and remove a public registry", async ({ expect }) => {
      requests();
      const made = await wranglerJson(["cloudchamber", "registries", "configure", "--domain", DOMAIN, "--public"]);
      expect(made).toMatchObject({ domain: DOMAIN, created_at: expect.any(String) });
      const listed = await wranglerJson(["cloudchamber", "registries", "list"]);
      expect(listed).toContainEqual(expect.objectContaining({ domain: DOMAIN }));
      expect((await plane.call("GET", "/registries")).result).toEqual(listed);
      const removed = await wranglerJson(["cloudchamber", "registries", "remove", DOMAIN]);
      expect(removed).toMatchObject({ domain: DOMAIN });
      expect(requests()).toEqual([
        "POST /cloudchamber/registries",
        "GET /cloudchamber/registries",
        `DELETE /cloudchamber/registries/${DOMAIN}`,
      ]);
      expect(await externalRegistries()).toEqual([]);
    });

    it("a private registry gets the public key that it is to trust", async ({ expect }) => {
      const made = await wranglerJson(["cloudchamber", "registries", "configure", "--domain", DOMAIN, "--no-public"]);
      expect(made).toMatchObject({ domain: DOMAIN, public_key: expect.stringMatching(/./) });
      const { code, stdout } = await wrangler(["cloudchamber", "registries", "credentials", DOMAIN, "--pull"]);
      expect(code).toBe(0);
      expect(stdout.trim()).toMatch(/^\S{20,}$/);
      await plane.call("DELETE", `/registries/${DOMAIN}`);
    });

    it("credentials of a public or unknown registry are refused", async ({ expect }) => {
      await wranglerJson(["cloudchamber", "registries", "configure", "--domain", DOMAIN, "--public"]);
      requests();
      const text = await wranglerFailure(["cloudchamber", "registries", "credentials", DOMAIN, "--pull"]);
      expect(text).not.toMatch(RAW_JSON);
      expect(text).toMatch(/public|Conflict/i);
      await plane.call("DELETE", `/registries/${DOMAIN}`);
      const unknown = await wranglerFailure(["cloudchamber", "registries", "credentials", DOMAIN, "--pull"]);
      expect(unknown).toMatch(/not found|doesn't exist|does not exist/i);
    });
  });
}

async function externalRegistries(): Promise<string[]> {
  const { result } = await plane.call("GET", "/registries");
  return result.map(({ domain }: { domain: string }) => domain).filter((domain: string) => domain !== MANAGED);
}

function configureDockerHub(secret: string): string[] {
  const credential = ["--dockerhub-username", "someone", "--secret-name", secret];
  return ["containers", "registries", "configure", "docker.io", ...credential, "-y"];
}
