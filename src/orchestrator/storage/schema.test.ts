import { describe, it } from "vitest";
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import { migrate } from "../../migrations.ts";
import { intendPlacement } from "../intents.ts";
import { readApplication, writeApplication } from "./application-row.ts";
import { insertDeployment, listDeployments, updateDeployment } from "./deployments.ts";
import { APPLICATION_MIGRATIONS } from "./schema.ts";

describe("an application of the first schema", () => {
  it("is an application of which nothing is held or cordoned, and may become so", ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, APPLICATION_MIGRATIONS.slice(0, 1));
    db.run("INSERT INTO application VALUES ('a', 'c', 'web', '{}', 1, 1, 1, 0, '', 5, 5)");
    db.run("INSERT INTO deployments VALUES ('d', 0, 5, 'running', 1, 1, 1, 5, 5, 0, 0, 5, NULL, NULL)");
    migrate(db, APPLICATION_MIGRATIONS);
    expect(readApplication(db)).toMatchObject({ name: "web", kind: "application" });
    const [deployment] = listDeployments(db);
    expect(deployment).toMatchObject({ id: "d", held: false, cordoned: false });
    if (deployment === undefined) return;
    updateDeployment(db, { ...deployment, held: true, cordoned: true });
    expect(listDeployments(db)).toMatchObject([{ id: "d", held: true, cordoned: true }]);
  });
});

describe("a row", () => {
  it("is read as it was written", ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, APPLICATION_MIGRATIONS);
    const application = {
      id: "a",
      accountId: "c",
      name: "web",
      kind: "deployment",
      spec: { instances: 1, maxInstances: null, ingress: "private", checkEveryMs: 60_000 },
      activeVersion: 2,
      generation: 3,
      observedGeneration: 3,
      deleting: true,
      session: "s",
      createdAt: 5,
      updatedAt: 6,
    } as const;
    writeApplication(db, application);
    expect(readApplication(db)).toEqual(application);
    const last = { kind: "refused", exitCode: null, reason: "SECRET_UNREADABLE", message: "why", at: 7 } as const;
    const deployment = { ...intendPlacement("d", 1, 2, 8).next, last, held: true, stopReason: "StoppedByUser" };
    insertDeployment(db, deployment);
    expect(listDeployments(db)).toEqual([deployment]);
  });
});
