import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { migrate } from "../migrations.ts";
import { AUDIT_KEPT, beginAudit, finishAudit, listAudit, recordDenied, type AuditDraft } from "./audit.ts";
import { ACCOUNT_MIGRATIONS } from "./migrations.ts";
import { RateLimiter } from "./rate-limit.ts";

const draft: AuditDraft = {
  requestId: "r",
  actor: "operator",
  tokenId: null,
  method: "PATCH",
  path: "/",
  address: null,
  idempotencyKey: null,
};

describe("the audit", () => {
  it("keeps what people did, however many came without a token", ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, ACCOUNT_MIGRATIONS);
    db.transaction(() => {
      finishAudit(db, beginAudit(db, draft, 0), 200, null);
      const limiter = new RateLimiter();
      // One a second: each is recorded.
      for (let second = 1; second <= 7_500; second += 1) {
        recordDenied(db, limiter, { ...draft, actor: "anonymous" }, "UNAUTHORIZED", second * 1_000);
      }
    });
    const all = listAudit(db, Number.MAX_SAFE_INTEGER, AUDIT_KEPT);
    expect(all.filter(({ actor }) => actor === "operator")).toHaveLength(1);
    expect(all.length).toBeLessThan(7_000);
    expect(all.length).toBeGreaterThanOrEqual(5_000);
  });
});
