/** A project out of a template's files: named anew, with a manifest that `gantry apply` takes. */
import { isScalar, parseAllDocuments, stringify, visit } from "yaml";
import type { TemplateFile } from "./artifact.ts";
import type { TemplateInfo } from "./format.ts";
import { APPLICATION, MANIFESTS } from "./source.ts";

const PACKAGE = "package.json";
export const MANIFEST = "gantry.yaml";

/** What is declared otherwise (a configuration in TypeScript) stays as the template has it. */
export function projectFiles(files: readonly TemplateFile[], info: TemplateInfo, name: string): TemplateFile[] {
  const hasManifest = files.some(({ path }) => isManifest(path));
  const renamed = files.flatMap((file): TemplateFile[] => {
    if (file.path === APPLICATION && !hasManifest) return [];
    if (file.path === PACKAGE) return [withText(file, packageText(file, name))];
    if (isYaml(file.path)) return [withText(file, manifestText(file, info.application["name"], name))];
    return [file];
  });
  if (hasManifest) return renamed;
  return [
    ...renamed,
    withText({ path: MANIFEST, bytes: new Uint8Array(), isExecutable: false }, newManifest(info, name)),
  ];
}

function newManifest({ application }: TemplateInfo, name: string): string {
  const { name: _, ...spec } = application;
  return `# gantry apply brings the control plane to what is declared here.\nowner: ${name}\n---\n${stringify({ kind: "application", name, spec })}`;
}

/** Its application, what refers to it, and the owner where that is its name. Comments stay. */
function manifestText({ bytes }: TemplateFile, before: unknown, name: string): string {
  const documents = parseAllDocuments(new TextDecoder().decode(bytes));
  if (typeof before !== "string" || !Array.isArray(documents)) return new TextDecoder().decode(bytes);
  for (const document of documents) {
    visit(document, {
      Map: (_, map) => {
        const isApplication = map.get("kind") === "application";
        for (const { key, value } of map.items) {
          if (!isScalar(key) || !isScalar(value)) continue;
          if (value.value === `application/${before}` && key.value === "ref") value.value = `application/${name}`;
          const isName = key.value === "name" ? isApplication : key.value === "application" || key.value === "owner";
          if (isName && value.value === before) value.value = name;
        }
      },
    });
  }
  return documents.map((document) => document.toString()).join("");
}

function packageText({ bytes }: TemplateFile, name: string): string {
  const text = new TextDecoder().decode(bytes);
  const document = parseJson(text);
  return document === null ? text : `${JSON.stringify({ ...document, name }, null, 2)}\n`;
}

function isManifest(path: string): boolean {
  return isYaml(path) || /^gantry\.(?:json|config\.m?[jt]s)$/.test(path);
}

function isYaml(path: string): boolean {
  return (MANIFESTS as readonly string[]).includes(path);
}

function withText(file: TemplateFile, text: string): TemplateFile {
  return { ...file, bytes: new Uint8Array(new TextEncoder().encode(text)) };
}

function parseJson(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
