/**
 * The application that a container of a definition file is. One export, one application: two that come to the same name
 * are refused where they are written, and not found out as one overwriting the other.
 */
import { invalidInput } from "../errors.ts";

const APPLICATION_NAME = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;
const EXPORT_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

export const NAME_RULE =
  "must be 1 to 63 lower-case letters, digits, - or _, starting and ending with a letter or digit";

export function isApplicationName(name: string): boolean {
  return APPLICATION_NAME.test(name);
}

/** `imageResizer` is `image-resizer`, `HTTPServer` is `http-server`. */
export function applicationName(exportName: string, ownName?: string): string {
  const problem = (text: string) => invalidInput("containers", { [exportName]: text });
  if (!EXPORT_NAME.test(exportName)) throw problem("must be letters, digits and _, beginning with a letter");
  const name =
    ownName ??
    exportName
      .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
      // `URLs` is one word.
      .replace(/([A-Z]+)([A-Z](?:[a-rt-z]|s[a-z]))/g, "$1-$2")
      .toLowerCase();
  if (!isApplicationName(name))
    throw problem(`gives the application name ${JSON.stringify(name)}, which ${NAME_RULE}: set name`);
  return name;
}

/** Application names by export name. */
export function applicationNames(
  containers: Readonly<Record<string, { readonly name?: string }>>,
): Map<string, string> {
  const names = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const [exportName, { name: ownName }] of Object.entries(containers)) {
    const name = applicationName(exportName, ownName);
    const owner = owners.get(name);
    if (owner !== undefined) {
      const problem = `and ${owner} are both the application ${name}: rename one, or set name`;
      throw invalidInput("containers", { [exportName]: problem });
    }
    owners.set(name, exportName);
    names.set(exportName, name);
  }
  return names;
}
