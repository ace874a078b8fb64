/** An image as a search shows it, wherever it was found. */
import { amount, fields, shortText, type Fields } from "./untrusted.ts";

export interface FoundImage {
  /** As it is asked for: `nginx`, `bitnami/redis`, `127.0.0.1:8787/hello-world`. */
  readonly name: string;
  readonly description: string;
  readonly star_count: number;
  readonly is_official: boolean;
  readonly is_automated: boolean;
  readonly pull_count?: number;
  /** Where it is: `docker.io`, `127.0.0.1:8787`. */
  readonly registry: string;
  /** What that is called for people. */
  readonly registry_title: string;
}

export const DOCKER_HUB = { host: "docker.io", title: "Docker Hub" } as const;

/** Of the Hub's search. Null for what has no usable name. */
export function searchHit(value: Fields): FoundImage | null {
  return image(shortText(value["repo_name"] ?? value["name"], 256), value, value["short_description"]);
}

/** Of its list of a namespace's repositories. */
export function listedRepository(value: Fields): FoundImage | null {
  const namespace = shortText(value["namespace"] ?? value["user"], 256);
  return image(`${namespace}/${shortText(value["name"], 256)}`, value, value["description"]);
}

function image(path: string, value: Fields, description: unknown): FoundImage | null {
  const name = path.replace(/^library\//, "");
  // What is no name of a repository could not be asked for.
  if (!/^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/.test(name)) return null;
  const { star_count: stars, pull_count: pulls } = fields(value);
  return {
    name,
    description: shortText(description, 500),
    star_count: amount(stars),
    is_official: value["is_official"] === true || path.startsWith("library/"),
    is_automated: value["is_automated"] === true,
    pull_count: amount(pulls),
    registry: DOCKER_HUB.host,
    registry_title: DOCKER_HUB.title,
  };
}
