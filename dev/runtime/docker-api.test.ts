import { describe, it } from "vitest";
import { registryAuth } from "./docker-api.ts";

describe("a login for the engine", () => {
  it.for(["a", "ab", "abc", "abcd", "ä?>"])(
    "is base64 of the URL's alphabet, with its padding: %s",
    (password, { expect }) => {
      const login = { username: "v1", password, serveraddress: "127.0.0.1:8787" };
      const text = registryAuth(login);
      expect(text).toMatch(/^[\w-]+={0,2}$/);
      expect(text.length % 4).toBe(0);
      expect(JSON.parse(Buffer.from(text, "base64url").toString())).toEqual(login);
    },
  );
});
