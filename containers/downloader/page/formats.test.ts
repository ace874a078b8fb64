import { describe, it } from "vitest";
import { bytesText, durationText } from "./browser/format.ts";
import { commandLines, quoted } from "./browser/command-lines.ts";
import { parseHistory } from "./browser/history.ts";
import {
  downloadPath,
  fileName,
  nameOf,
  registryOf,
  repositoryOf,
  tagOf,
  withTag,
  type DownloadRequest,
} from "./browser/requests.ts";
import { en } from "./browser/messages/en.ts";
import { pt } from "./browser/messages/pt.ts";
import { zh } from "./browser/messages/zh.ts";
import { execFileSync } from "node:child_process";

const DIGEST = `sha256:${"a".repeat(64)}`;
const request: DownloadRequest = { images: ["nginx:1.27"], platform: "linux/amd64", format: "hybrid" };

describe("references of the page", () => {
  it.for([
    ["nginx", "nginx", undefined, "docker.io"],
    ["nginx:1.27", "nginx", "1.27", "docker.io"],
    ["127.0.0.1:8787/a/b", "127.0.0.1:8787/a/b", undefined, "127.0.0.1:8787"],
    ["127.0.0.1:8787/a/b:c", "127.0.0.1:8787/a/b", "c", "127.0.0.1:8787"],
    ["localhost/a", "localhost/a", undefined, "localhost"],
    ["team/web", "team/web", undefined, "docker.io"],
    [`ghcr.io/o/n@${DIGEST}`, "ghcr.io/o/n", DIGEST, "ghcr.io"],
    [`ghcr.io/o/n:1@${DIGEST}`, "ghcr.io/o/n", DIGEST, "ghcr.io"],
  ] as const)("%s is taken apart", ([image, repository, tag, registry], { expect }) => {
    expect([repositoryOf(image), tagOf(image), registryOf(image)]).toEqual([repository, tag, registry]);
  });

  it("puts a tag or a digest in place of another", ({ expect }) => {
    expect(withTag("h:5/a:1", "2")).toBe("h:5/a:2");
    expect(withTag(`a@${DIGEST}`, "2")).toBe("a:2");
    expect(withTag("a:1", DIGEST)).toBe(`a@${DIGEST}`);
  });

  it("makes the same link of the same archive, and keeps every character of it", ({ expect }) => {
    expect(downloadPath(request)).toBe("/api/download?image=nginx:1.27&platform=linux/amd64");
    const odd = downloadPath({ images: ["a&b=c d#é", "x"], platform: "linux/arm/v7", format: "oci" }, "id");
    const query = new URL(odd, "http://self").searchParams;
    expect(query.getAll("image")).toEqual(["a&b=c d#é", "x"]);
    expect([query.get("platform"), query.get("format"), query.get("id")]).toEqual(["linux/arm/v7", "oci", "id"]);
  });

  it("names a download and its file", ({ expect }) => {
    expect(nameOf({ ...request, images: ["a", "b", "c"] })).toBe("a + 2");
    expect(fileName(request)).toBe("nginx_1.27_linux-amd64.tar");
    expect(fileName({ ...request, images: ["nginx:1.27", "b"] })).toBe("nginx_1.27_linux-amd64_and_1_more.tar");
    expect(fileName({ ...request, images: [`../../$(x)@${DIGEST}`] })).toMatch(/^[\w.-]+\.tar$/);
  });
});

describe("command lines", () => {
  it.for(["plain", "it's", "$(touch x)", "a b", "", "-o", "`x`", '"', "\\", "a\nb", "!x"])(
    "a shell takes %j as one word",
    (word, { expect }) => {
      const printed = execFileSync("/bin/sh", ["-c", `printf '%s|' ${quoted(word)}`], { encoding: "utf8" });
      expect(printed).toBe(`${word}|`);
    },
  );

  it("resumes a download, and never has a password", ({ expect }) => {
    const plain = commandLines(request, "http://self").fetch;
    expect(plain).toContain("curl -fC - -o nginx_1.27_linux-amd64.tar ");
    expect(plain).toContain("'http://self/api/download?image=nginx:1.27&platform=linux/amd64'");
    const own = commandLines(request, "http://self", "some one").fetch;
    expect(own).toContain("curl -fC - -u 'some one' -o ");
    expect(own).not.toContain("password");
  });

  it("loads a pure layout with what can read it", ({ expect }) => {
    expect(commandLines({ ...request, format: "oci" }, "http://self").load.join()).not.toContain("docker load");
    expect(commandLines(request, "http://self").load[0]).toBe("docker load -i nginx_1.27_linux-amd64.tar");
  });
});

describe("figures", () => {
  it.for([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1 kB"],
    [48_312_320, "48.3 MB"],
    [999_600, "1 MB"],
    [503_600_000, "504 MB"],
    [20_000_000_000, "20 GB"],
  ] as const)("%d bytes are %s", ([bytes, text], { expect }) => {
    expect(bytesText(bytes, "en")).toBe(text);
  });

  it("are written as the language writes them", ({ expect }) => {
    expect(bytesText(48_312_320, "pt-BR")).toBe("48,3 MB");
    expect(durationText(61, "en")).toBe("61 seconds");
    expect(durationText(120, "pt-BR")).toBe("2 minutos");
    expect(durationText(7_000, "zh-CN")).toBe("2小时");
  });
});

describe("the history", () => {
  it("leaves out what is no entry", ({ expect }) => {
    const good = { images: ["a"], platform: "linux/amd64", format: "oci", at: 5, bytes: 7, isPrivate: true };
    const bad = [null, 1, {}, { ...good, images: [] }, { ...good, images: "a" }, { ...good, format: "zip" }];
    expect(parseHistory(JSON.stringify([...bad, good]))).toEqual([good]);
    expect(parseHistory("{")).toEqual([]);
    expect(parseHistory("{}")).toEqual([]);
    expect(parseHistory(null)).toEqual([]);
  });
});

describe("the languages", () => {
  it("say everything, and nothing twice in another one's words", ({ expect }) => {
    const names = Object.keys(en).toSorted();
    for (const messages of [pt, zh]) expect(Object.keys(messages).toSorted()).toEqual(names);
    const same = Object.entries(en).filter(([name, text]) => {
      return typeof text === "string" && [pt, zh].some((other) => Reflect.get(other, name) === text);
    });
    // Words that are the same in the language, by their names.
    expect(same.map(([name]) => name).toSorted()).toEqual(SAME);
  });

  it("counts in each", ({ expect }) => {
    expect([en.layers(1), en.layers(2)]).toEqual(["1 layer and how they were made", "2 layers and how they were made"]);
    expect([pt.found(1, "x"), pt.found(2, "x")]).toEqual(["1 imagem para “x”", "2 imagens para “x”"]);
    expect(zh.basketCount(3)).toBe("归档：3 个镜像");
  });
});

const SAME = ["digest", "downloads", "formatHybrid", "searchHint", "tag", "tags"];
