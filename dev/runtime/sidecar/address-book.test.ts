import { describe, it } from "vitest";
import { AddressBook } from "./address-book.ts";

describe("the address book", () => {
  it("gives each name its own lasting address in 198.18.0.0/15", ({ expect }) => {
    const book = new AddressBook();
    const addresses = ["a.example", "b.example", "a.example"].map((name) => book.addressOf(name));
    expect(addresses).toEqual(["198.18.0.1", "198.18.0.2", "198.18.0.1"]);
  });

  it("finds the name of an address again", ({ expect }) => {
    const book = new AddressBook();
    expect(book.nameOf(book.addressOf("a.example"))).toBe("a.example");
    expect(book.nameOf("9.9.9.9")).toBeUndefined();
  });

  it("stays in its range and takes the oldest address when all are given away", ({ expect }) => {
    const book = new AddressBook();
    for (let n = 0; n < 131_070; n++) book.addressOf(`n${n}.example`);
    expect(book.nameOf("198.19.255.254")).toBe("n131069.example");
    expect(book.addressOf("one-more.example")).toBe("198.18.0.1");
    expect(book.addressOf("n0.example")).toBe("198.18.0.2");
  });
});
