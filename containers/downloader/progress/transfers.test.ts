import { describe, it } from "vitest";
import { isOver, requireId, Transfers } from "./transfers.ts";

const ID = "0123456789abcdef";

describe("a transfer", () => {
  it("counts from where its answer began, and has the speed of the last seconds", ({ expect }) => {
    const transfer = new Transfers().begin(ID);
    expect(transfer.snapshot()).toMatchObject({ state: "preparing", total: null, bytes: 0, speed: 0 });
    transfer.begins("web.tar", 10_000, 4_000);
    const began = Date.now();
    transfer.sent(1_000);
    expect(transfer.snapshot(began + 1_000)).toMatchObject({ state: "sending", offset: 4_000, bytes: 5_000 });
    transfer.sent(3_000);
    const later = transfer.snapshot(began + 10_000);
    expect(later.bytes).toBe(8_000);
    expect(later.speed).toBeLessThan(1_000);
    // Nothing has come for longer than is looked at.
    transfer.snapshot(began + 19_000);
    expect(transfer.snapshot(began + 20_000).speed).toBe(0);
  });

  it("ends once", ({ expect }) => {
    const transfer = new Transfers().begin(ID);
    transfer.ends("failed", { code: "A", message: "b" });
    transfer.ends("done");
    expect(transfer.snapshot()).toMatchObject({ state: "failed", error: { code: "A" } });
    expect(isOver(transfer.snapshot())).toBe(true);
  });

  it("that is begun again under its id is another one", ({ expect }) => {
    const transfers = new Transfers();
    transfers.begin(ID).ends("aborted");
    transfers.begin(ID);
    expect(transfers.get(ID)?.snapshot().state).toBe("preparing");
  });

  it("of those that are over only the latest are kept, and every one that is not", ({ expect }) => {
    const transfers = new Transfers();
    transfers.begin(ID);
    for (let index = 0; index < 1_200; index += 1) transfers.begin(`transfer-number-${index}`).ends("done");
    expect(transfers.get(ID)).not.toBeNull();
    expect(transfers.get("transfer-number-0")).toBeNull();
    expect(transfers.get("transfer-number-1199")).not.toBeNull();
  });

  it.for(["", "short", "x".repeat(65), "0123456789abcde/", "0123456789 abcdef"])(
    "has no id such as %j",
    (id, { expect }) => {
      expect(() => requireId(id)).toThrow("id");
    },
  );
});
