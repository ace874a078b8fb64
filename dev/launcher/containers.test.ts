import { describe, it } from "vitest";
import { abandoned, ownerLabel, ownerOf, OWNER_LABEL } from "./containers.ts";
import type { ProcessId } from "./processes.ts";

const self = { pid: 10, startedAt: "100" };
const other = { pid: 20, startedAt: "200" };
const dead = { pid: 30, startedAt: "300" };

const container = (id: string, owner: ProcessId | undefined, session: string) => ({
  id,
  labels: { "dev.gantry.session": session, ...(owner === undefined ? {} : { [OWNER_LABEL]: ownerLabel(owner) }) },
});

describe("containers of this project", () => {
  it("are abandoned when their launcher is gone, or when their session of this launcher is over", ({ expect }) => {
    const found = abandoned(
      [
        container("of this session", self, "now"),
        container("of an earlier session", self, "before"),
        container("of another launcher", other, "theirs"),
        container("of a dead launcher", dead, "old"),
        container("of nobody known", undefined, "old"),
      ],
      { self, ownSessions: new Set(["now"]), isAlive: (owner) => owner.pid !== dead.pid },
    );
    expect(found.map(({ id }) => id)).toEqual(["of an earlier session", "of a dead launcher"]);
  });

  it("name their owner in a label", ({ expect }) => {
    const onMacOs = { pid: 7, startedAt: "Sat Nov 21 05:00:00 2026" };
    expect(ownerOf(ownerLabel(onMacOs))).toEqual(onMacOs);
    expect(ownerOf(undefined)).toBeUndefined();
    expect(ownerOf("garbage")).toBeUndefined();
  });
});
