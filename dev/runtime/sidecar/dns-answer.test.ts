import { decode, encode, type RecordType } from "dns-packet";
import { describe, it } from "vitest";
import { answerQuery } from "./dns-answer.ts";

const resolve = (name: string) => (name === "known.example" ? "198.18.0.1" : undefined);

function ask(name: string, type: RecordType) {
  const reply = answerQuery(encode({ type: "query", id: 7, questions: [{ name, type }] }), resolve);
  return reply && decode(reply);
}

describe("a DNS query", () => {
  it("for a known name gets its address, under the query's id", ({ expect }) => {
    const reply = ask("known.example", "A");
    expect(reply).toMatchObject({ id: 7, rcode: "NOERROR", answers: [{ type: "A", data: "198.18.0.1" }] });
  });

  it("for the IPv6 address of a known name gets an empty answer, not a denial", ({ expect }) => {
    expect(ask("known.example", "AAAA")).toMatchObject({ rcode: "NOERROR", answers: [] });
  });

  it("for another name is denied", ({ expect }) => {
    expect(ask("other.example", "A")).toMatchObject({ rcode: "NXDOMAIN", answers: [] });
  });

  it("that cannot be read gets no reply", ({ expect }) => {
    expect(answerQuery(Buffer.from("x"), resolve)).toBeUndefined();
    expect(answerQuery(encode({ type: "response", id: 1 }), resolve)).toBeUndefined();
  });
});
