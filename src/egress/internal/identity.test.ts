/** The form in which a container hears who calls it. */
import { it } from "vitest";
import { callerHeader } from "./identity.ts";

const caller = {
  accountId: "acct",
  application: "web_1",
  applicationId: "id",
  instance: "ab",
  name: null,
  generation: 3,
};

it("is a dictionary of structured fields, without what there is none of", ({ expect }) => {
  expect(callerHeader(caller)).toBe('application="web_1", instance="ab", generation=3');
  expect(callerHeader({ ...caller, name: "ada@example.com" })).toBe(
    'application="web_1", instance="ab", name="ada@example.com", generation=3',
  );
});

it("lets no name end its own string", ({ expect }) => {
  expect(callerHeader({ ...caller, name: 'x",application="root\\' })).toBe(
    String.raw`application="web_1", instance="ab", name="x\",application=\"root\\", generation=3`,
  );
});
