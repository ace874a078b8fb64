/** What a page hears of a download, in order. */

export interface ProgressEvent {
  readonly state: string;
  readonly bytes: number;
  readonly total: number;
  readonly offset: number;
}

export interface Heard {
  /** The first that is wanted, of those before too. */
  until(wanted: (event: ProgressEvent) => boolean): Promise<ProgressEvent>;
  readonly ended: Promise<void>;
}

export function readEvents(url: string): Heard {
  const heard: ProgressEvent[] = [];
  const waiting = new Set<() => void>();
  let isEnded = false;
  const tell = () => {
    for (const wake of waiting) wake();
  };
  const read = async (): Promise<void> => {
    const response = await fetch(url);
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const events = text.split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const [, data] = /^event: progress\ndata: (.*)$/.exec(event) ?? [];
        if (data !== undefined) heard.push(JSON.parse(data) as ProgressEvent);
      }
      tell();
    }
  };
  const ended = read().finally(() => {
    isEnded = true;
    tell();
  });
  // A server that is stopped meanwhile matters to those who wait for the end alone.
  ended.catch(() => undefined);
  return {
    ended,
    async until(wanted) {
      for (;;) {
        const found = heard.find(wanted);
        if (found !== undefined) return found;
        if (isEnded) throw new Error(`no such event: ${JSON.stringify(heard)}`);
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await promise;
        waiting.delete(resolve);
      }
    },
  };
}
