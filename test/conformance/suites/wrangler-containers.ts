/** `wrangler containers list | info | instances | delete`. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { eventually, workloads } from "../../e2e/control-plane.ts";
import { plane, RAW_JSON, removeEverything, requests, wrangler, wranglerFailure, wranglerJson } from "../stage.ts";

const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

export function wranglerContainers(): void {
  describe("wrangler containers", () => {
    afterAll(removeEverything);

    it("list says so when there is nothing", async ({ expect }) => {
      const { code, stdout } = await wrangler(["containers", "list"]);
      expect(stdout.trim()).toBe("No containers found.");
      expect(code).toBe(0);
    });

    describe("with an application of two containers", () => {
      let id = "";
      beforeAll(async () => {
        id = await plane.create("web", { instances: 2, configuration: { image: "hello-world" } });
        await plane.untilReady(id, 2);
        requests();
      });

      it("list --json shows it as it runs", async ({ expect }) => {
        const listed = await wranglerJson(["containers", "list", "--json"]);
        const { result } = await plane.call("GET", `/applications/${id}`);
        expect(listed).toEqual([
          {
            id,
            name: "web",
            state: "active",
            instances: 2,
            image: "hello-world",
            version: 1,
            updated_at: result.updated_at,
            created_at: result.created_at,
          },
        ]);
        expect(requests()).toEqual(["GET /containers/dash/applications"]);
      });

      it("list counts the live containers in its table", async ({ expect }) => {
        const { stdout } = await wrangler(["containers", "list"]);
        const row = stdout.split("\n").find((line) => line.includes(id));
        expect(row?.split("│").map((cell) => cell.trim())).toEqual(expect.arrayContaining(["web", "active", "2"]));
      });

      it("info prints the application, found by id or by name", async ({ expect }) => {
        const [byId, byName] = await Promise.all(
          [id, "web"].map((reference) => wranglerJson(["containers", "info", reference, "--json"])),
        );
        const { result } = await plane.call("GET", `/applications/${id}`);
        expect(byId).toEqual(result);
        expect(byName).toEqual(result);
        expect(byId).toMatchObject({ configuration: { image: "hello-world" }, health: { instances: { active: 2 } } });
        expect(requests().toSorted()).toEqual([
          `GET /containers/applications/${id}`,
          "GET /containers/applications/web",
        ]);
      });

      it("instances --json shows each container with state, version and name", async ({ expect }) => {
        const instances = await plane.instances(id);
        const listed = await wranglerJson(["containers", "instances", id, "--json"]);
        expect(requests()).toEqual([`GET /containers/dash/applications/${id}/instances`]);
        expect(listed).toHaveLength(2);
        expect(new Set(listed.map((row: { id: string }) => row.id))).toEqual(new Set(instances.map((one) => one.id)));
        for (const row of listed) {
          expect(row).toEqual({
            id: expect.stringMatching(/^[0-9a-f]{64}$/),
            name: expect.stringMatching(/./),
            state: "running",
            location: expect.stringMatching(/./),
            version: 1,
            created: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
          });
        }
      });

      it("instances goes from page to page", async ({ expect }) => {
        const page = (...more: string[]) =>
          wranglerJson(["containers", "instances", id, "--json", "--per-page", "1", ...more]);
        const first = await page();
        expect(first.result_info).toMatchObject({ per_page: 1, page_token: null, next_page_token: expect.any(String) });
        const second = await page("--page-token", first.result_info.next_page_token);
        expect(second.result_info.next_page_token).toBeNull();
        const ids = [...first.instances, ...second.instances].map((row: { id: string }) => row.id);
        expect(new Set(ids)).toEqual(new Set((await plane.instances(id)).map((one) => one.id)));
      });

      it("instances --search finds one by its exact name", async ({ expect }) => {
        const all = await wranglerJson(["containers", "instances", id, "--json"]);
        const found = await wranglerJson(["containers", "instances", id, "--json", "--search", all[1].name]);
        expect(found).toEqual([all[1]]);
      });

      it("instances prints a table where nobody asked for JSON", async ({ expect }) => {
        const [first] = await plane.instances(id);
        const { stdout } = await wrangler(["containers", "instances", id]);
        expect(stdout.split("\n").find((line) => line.includes(first?.id ?? ""))).toContain("running");
      });

      it("list shows more applications than one page of its table has", async ({ expect }) => {
        const names = Array.from({ length: 30 }, (_, index) => `idle-${String(index).padStart(2, "0")}`);
        await Promise.all(
          names.map((name) => plane.create(name, { instances: 0, configuration: { image: "hello-world" } })),
        );
        const listed = await wranglerJson(["containers", "list", "--json"]);
        expect(listed.map((app: { name: string }) => app.name).toSorted()).toEqual([...names, "web"]);
        expect(listed.find((app: { name: string }) => app.name === "idle-00").state).toBe("ready");
      });

      it("delete removes the application and its containers", async ({ expect }) => {
        requests();
        const { code, stdout } = await wrangler(["containers", "delete", id]);
        expect(stdout).toContain("Your container has been deleted");
        expect(code).toBe(0);
        expect(requests()).toEqual([`DELETE /containers/applications/${id}`]);
        await eventually(async () => (await workloads()).length === 0);
        await eventually(async () => (await plane.call("GET", `/applications/${id}`)).status === 404);
      });
    });

    describe("when it cannot", () => {
      it.for([["instances"], ["delete"]])(
        "%s says which application is missing, in words",
        async ([command], { expect }) => {
          const text = await wranglerFailure(["containers", command ?? "", UNKNOWN_ID]);
          expect(text).toContain(UNKNOWN_ID);
          expect(text).toMatch(/not found|no application/i);
          expect(text).not.toMatch(RAW_JSON);
        },
      );

      it("info says that it was not found", async ({ expect }) => {
        expect(await wranglerFailure(["containers", "info", UNKNOWN_ID, "--json"])).toMatch(/not found/i);
      });

      it("a wrong token is named as the cause", async ({ expect }) => {
        const text = await wranglerFailure(["containers", "list"], { token: "wrong-token" });
        expect(text).toMatch(/token/i);
        expect(text, "JSON inside of JSON").not.toContain(String.raw`\"`);
      });

      it("a page token from elsewhere is named", async ({ expect }) => {
        const other = await plane.create("paged", { instances: 0, configuration: { image: "hello-world" } });
        const text = await wranglerFailure(["containers", "instances", other, "--json", "--page-token", "nonsense"]);
        expect(text).toContain("page_token");
        expect(text).not.toMatch(RAW_JSON);
      });
    });
  });
}
