/** What is at `/`: how this proxy is used, for people and for programs. */
import type { Configuration, Upstream } from "./configuration.ts";

export function usageJson({ upstreams, maxBodyBytes }: Configuration): object {
  return {
    service: "api-proxy",
    upstreams: upstreams.map(({ prefix, origin, basePath, methods, paths }) => ({
      prefix,
      url: `${origin}${basePath}`,
      methods,
      ...(paths === null ? {} : { paths: paths.map((segments) => `/${segments.join("/")}`) }),
    })),
    max_body_bytes: maxBodyBytes,
    health: "/health",
  };
}

export function usageHtml({ upstreams }: Configuration): string {
  const rows = upstreams.map((upstream) => rowOf(upstream)).join("");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>api-proxy</title>
<style>
  :root { color-scheme: light dark }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 3rem auto; padding: 0 1rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #8886; vertical-align: top }
  code { font-size: .9em }
</style>
<h1>api-proxy</h1>
<p>Requests below a prefix go to its upstream, with their query and body; answers come back as they are, with CORS.</p>
<table><thead><tr><th>prefix<th>upstream<th>methods<th>paths</thead><tbody>${rows}</tbody></table>
<p>Try <a href="${escaped(exampleOf(upstreams[0]))}">${escaped(exampleOf(upstreams[0]))}</a>. The same as JSON:
<code>curl -H 'accept: application/json' …/</code>. Health: <a href="/health">/health</a>.</p>
</html>
`;
}

function rowOf({ prefix, origin, basePath, methods, paths }: Upstream): string {
  const shown = paths === null ? "all" : paths.map((segments) => `/${segments.join("/")}`).join(" ");
  const cells = [`${prefix}/…`, `${origin}${basePath}`, methods.join(" "), shown];
  return `<tr>${cells.map((cell) => `<td><code>${escaped(cell)}</code>`).join("")}`;
}

function exampleOf(upstream: Upstream | undefined): string {
  if (upstream === undefined) return "/";
  return `${upstream.prefix}/${upstream.origin === "https://jsonplaceholder.typicode.com" ? "posts/1" : ""}`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
