/** The same for the peer: another Worker, which reaches the stock class through its service binding to the Worker that has it. */
interface CallerEnv {
  readonly STOCK: Fetcher;
}

export default {
  async fetch(request, { STOCK }) {
    const [way = "", id = "", ...rest] = new URL(request.url).pathname.slice(1).split("/");
    const path = way === "destroy" ? "__bench/destroy" : rest.join("/");
    return await STOCK.fetch(new Request(`http://stock.internal/${path}?instance=${id}`, request));
  },
} satisfies ExportedHandler<CallerEnv>;
