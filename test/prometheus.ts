/**
 * Reads Prometheus' text format 0.0.4 as strictly as `promtool check metrics` does, and more so: what is not exactly as
 * the format says is an error that names the line.
 */

export interface Metric {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly type: string;
  readonly help: string;
  readonly metrics: Metric[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = "[a-zA-Z_][a-zA-Z0-9_]*";
const HELP_LINE = new RegExp(`^# HELP (${NAME}) (.+)$`);
const TYPE_LINE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`);
const SAMPLE_LINE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const PAIR = new RegExp(`^(${LABEL})="((?:[^"\\\\]|\\\\\\\\|\\\\"|\\\\n)*)"(?:,(?=.)|$)`);

export function parseMetrics(text: string): Map<string, MetricFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, MetricFamily>();
  const series = new Set<string>();
  let help: { name: string; text: string } | null = null;
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const fail = (why: string) => new Error(`${why}: ${line}`);
    const helpMatch = HELP_LINE.exec(line);
    const typeMatch = TYPE_LINE.exec(line);
    if (helpMatch !== null) {
      if (help !== null) throw fail("HELP without TYPE");
      help = { name: helpMatch[1] ?? "", text: helpMatch[2] ?? "" };
    } else if (typeMatch !== null) {
      const [, name = "", type = ""] = typeMatch;
      if (help?.name !== name) throw fail("TYPE without its HELP");
      if (families.has(name)) throw fail("a family comes twice");
      if ((type === "counter") !== name.endsWith("_total")) throw fail("only counters are called _total");
      families.set(name, { type, help: help.text, metrics: [] });
      help = null;
      current = name;
    } else {
      const metric = parseSample(line, fail);
      if (help !== null || metric.name !== current) throw fail("a sample outside of its family");
      const key = JSON.stringify([metric.name, Object.entries(metric.labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
      if (series.has(key)) throw fail("a series comes twice");
      series.add(key);
      const family = families.get(current);
      if (family?.type === "counter" && !(metric.value >= 0)) throw fail("a counter below 0");
      family?.metrics.push(metric);
    }
  }
  return families;
}

function parseSample(line: string, fail: (why: string) => Error): Metric {
  const match = SAMPLE_LINE.exec(line);
  if (match === null) throw fail("no sample");
  const [, name = "", inner = "", text = ""] = match;
  if (!/^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|[+-]Inf)$/.test(text)) throw fail("no number");
  const labels: Record<string, string> = {};
  for (let rest = inner; rest !== "";) {
    const pair = PAIR.exec(rest);
    if (pair === null) throw fail("no label");
    const [whole, label = "", value = ""] = pair;
    if (label in labels) throw fail("a label comes twice");
    if (label.startsWith("__")) throw fail("a label of Prometheus' own");
    labels[label] = value.replaceAll(/\\(["\\n])/g, (_, char: string) => (char === "n" ? "\n" : char));
    rest = rest.slice(whole.length);
  }
  return { name, labels, value: Number(text) };
}

/** The values of a family by one of its labels; samples with other labels than `where` are left out. */
export function valuesOf(
  families: ReadonlyMap<string, MetricFamily>,
  name: string,
  by: string,
  where: Readonly<Record<string, string>> = {},
): Record<string, number> {
  const family = families.get(name);
  if (family === undefined) throw new Error(`there is no family ${name}`);
  const metrics = family.metrics.filter(({ labels }) =>
    Object.entries(where).every(([label, value]) => labels[label] === value),
  );
  return Object.fromEntries(metrics.map(({ labels, value }) => [labels[by] ?? "", value]));
}
