/** Where the registry of a domain answers, what it calls a repository, and where it may lead its clients. */
import { parseAddress, isPrivateAddress, isPrivateName } from "../../egress/policy/address.ts";
import { hostOfUrl } from "../../egress/policy/host.ts";
import { INTERNAL_DOMAIN } from "../../egress/hosts.ts";
import { DOCKER_HUB } from "../oci/image-reference.ts";

export interface Endpoint {
  /** `https://registry-1.docker.io`. */
  readonly origin: string;
  /** It is itself a private one, which the caller allows: then so are the places that it leads to. */
  readonly isPrivate: boolean;
}

const DOCKER_HUB_HOST = "registry-1.docker.io";
const MAX_URL_LENGTH = 8_192;

/** Text: why it is none to be asked. `allowPrivate`: on a developer's machine, where registries may be on it. */
export function endpointOf(domain: string, allowPrivate: boolean): Endpoint | string {
  const host = domain === DOCKER_HUB || domain === "index.docker.io" ? DOCKER_HUB_HOST : domain;
  const url = URL.parse(`https://${host}/`);
  if (url === null || url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    return `${domain.slice(0, 100)} is no host`;
  }
  const isPrivate = isPrivateHost(url);
  if (isOfGantry(url)) return `${domain} is a name of Gantry's own, which is no registry's`;
  if (isPrivate && !allowPrivate) return `${domain} is a private address or name, which is not asked from here`;
  // As docker does: what is on this machine needs no certificate.
  return { origin: `${isLoopback(url) ? "http" : "https"}://${url.host}`, isPrivate };
}

/** One word is `library/<word>` at Docker Hub. */
export function upstreamRepository(domain: string, repository: string): string {
  const isHub = domain === DOCKER_HUB || domain === "index.docker.io";
  return isHub && !repository.includes("/") ? `library/${repository}` : repository;
}

/** Why a token server or the target of a redirect is not asked; null: it may be. `from`: what names it. */
export function refusalOf(target: URL, from: URL, { isPrivate }: Endpoint): string | null {
  if (target.href.length > MAX_URL_LENGTH) return "an address that is too long";
  if (target.protocol !== "https:" && target.protocol !== "http:") return `an address of the kind ${target.protocol}`;
  if (target.username !== "" || target.password !== "") return "an address with a password in it";
  if (target.protocol === "http:" && from.protocol === "https:") return `plain http at ${target.host}`;
  // Its gateways know which container asks, and not that somebody else has led it there.
  if (isOfGantry(target) && target.origin !== from.origin) return `${target.host}, which is no registry`;
  if (isPrivateHost(target) && !isPrivate) return `${target.host}, which is a private address or name`;
  return null;
}

function isOfGantry(url: URL): boolean {
  return `.${hostOfUrl(url) ?? ""}`.endsWith(`.${INTERNAL_DOMAIN}`);
}

function isPrivateHost(url: URL): boolean {
  const host = hostOfUrl(url);
  if (host === null) return true;
  const address = parseAddress(host);
  return address === null ? isPrivateName(host) : isPrivateAddress(address);
}

function isLoopback(url: URL): boolean {
  const host = hostOfUrl(url) ?? "";
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
