/** What one download is of: the words of its link, its command lines and its place in the history. */
export const FORMATS = ["hybrid", "docker", "oci"] as const;
export type Format = (typeof FORMATS)[number];

/** In the order in which people need them. */
export const PLATFORMS = [
  "linux/amd64",
  "linux/arm64",
  "linux/arm/v7",
  "linux/arm/v6",
  "linux/386",
  "windows/amd64",
  "darwin/amd64",
  "darwin/arm64",
] as const;

export interface DownloadRequest {
  readonly images: readonly string[];
  readonly platform: string;
  readonly format: Format;
}

export function isFormat(value: unknown): value is Format {
  return FORMATS.some((format) => format === value);
}

/** The link of the same archive, always: an id of its progress may be added, which changes no byte of it. */
export function downloadPath({ images, platform, format }: DownloadRequest, id?: string): string {
  const query = new URLSearchParams();
  for (const image of images) query.append("image", image);
  query.set("platform", platform);
  if (format !== "hybrid") query.set("format", format);
  if (id !== undefined) query.set("id", id);
  // Slashes and colons of references are legible, and allowed in a query.
  return `/api/download?${query.toString().replaceAll("%2F", "/").replaceAll("%3A", ":")}`;
}

export function nameOf({ images }: DownloadRequest): string {
  const [first = "", ...rest] = images;
  return rest.length === 0 ? first : `${first} + ${rest.length}`;
}

/** Nobody else may follow a download: 128 random bits. */
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `repository` or `repository@sha256:…` with the tag in place of its own. */
export function withTag(image: string, tag: string): string {
  return `${repositoryOf(image)}${tag.includes(":") ? "@" : ":"}${tag}`;
}

/** Without tag and digest. A colon before the last slash is a port. */
export function repositoryOf(image: string): string {
  const [name = ""] = image.split("@");
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? name.slice(0, colon) : name;
}

/** What the reference names itself, if anything. */
export function tagOf(image: string): string | undefined {
  const at = image.indexOf("@");
  if (at >= 0) return image.slice(at + 1);
  const repository = repositoryOf(image);
  return image.length > repository.length ? image.slice(repository.length + 1) : undefined;
}

/** The host that is asked: the first part, where it is one by the rule of references. */
export function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost ? first : "docker.io";
}

/** What the archive is called: as the server says it, for command lines that name their file. */
export function fileName({ images, platform }: DownloadRequest): string {
  const [first = "image", ...rest] = images;
  const more = rest.length === 0 ? "" : `_and_${rest.length}_more`;
  const name = `${repositoryOf(first).split("/").at(-1)}_${tagOf(first) ?? "latest"}_${platform}${more}`;
  return `${name.replaceAll(/[^\w.-]+/g, "-").slice(0, 120)}.tar`;
}
