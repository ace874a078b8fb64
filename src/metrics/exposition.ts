/** Prometheus' text format 0.0.4: HELP and TYPE once per family, samples of a family together, no timestamps. */

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export type Labels = readonly (readonly [name: string, value: string])[];

export class Family {
  readonly #head: string;
  readonly #name: string;
  readonly #lines: string[] = [];

  constructor(name: string, type: "counter" | "gauge", help: string) {
    this.#name = name;
    this.#head = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  }

  add(labels: Labels, value: number): void {
    const pairs = labels.map(([name, text]) => `${name}="${escapeValue(text)}"`).join(",");
    this.#lines.push(`${this.#name}${pairs === "" ? "" : `{${pairs}}`} ${value}\n`);
  }

  toString(): string {
    return this.#head + this.#lines.join("");
  }
}

function escapeValue(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/**
 * A container's labels as labels of its metrics: `label_<name>`, so that none takes the place of one of ours, with what
 * Prometheus does not allow in a name as `_`. Names that become the same are told apart by a number, in their order.
 */
export function containerLabels(labels: readonly { readonly name: string; readonly value: string }[]): Labels {
  const sanitised = labels.map(
    ({ name, value }) => [`label_${name.replaceAll(/[^A-Za-z0-9_]/gu, "_")}`, value] as const,
  );
  const taken = new Set<string>();
  return sanitised.map(([name, value]) => {
    const isShared = sanitised.filter(([other]) => other === name).length > 1;
    let unique = isShared ? `${name}_conflict1` : name;
    for (let number = 2; taken.has(unique); number += 1) unique = `${name}_conflict${number}`;
    taken.add(unique);
    return [unique, value] as const;
  });
}
