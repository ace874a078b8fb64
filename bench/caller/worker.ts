/** Another Worker, which calls entities of an application: `/binding/<id>/…`, `/sdk/<id>/…`, `/destroy/<id>`. */
import { createContainers, type GantryBinding } from "../../src/sdk/index.ts";

interface CallerEnv {
  readonly GANTRY: GantryBinding & { destroy(application: string, id: string): Promise<void> };
}

const APPLICATION = "entities";
const definitions = { entities: { image: "./", name: APPLICATION } };

export default {
  async fetch(request, { GANTRY }) {
    const [way = "", id = "", ...rest] = new URL(request.url).pathname.slice(1).split("/");
    const path = `/${rest.join("/")}`;
    if (way === "sdk") return await createContainers(GANTRY, definitions).entities.get(id).fetch(path);
    if (way === "binding") {
      return await GANTRY.fetch(new Request(`http://gantry.internal/a/${APPLICATION}/@${id}${path}`, request));
    }
    await GANTRY.destroy(APPLICATION, id);
    return new Response("destroyed\n");
  },
} satisfies ExportedHandler<CallerEnv>;
