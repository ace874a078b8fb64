/** `npm run apply`: brings the control plane to what `containers.ts` says. */
import { toApplications } from "gantry";
import { createClient } from "gantry/client";
import * as containers from "./containers.ts";

const { GANTRY_URL: baseUrl = "http://localhost:8787", GANTRY_TOKEN: token = "" } = process.env;
const client = createClient({ baseUrl, token });

for (const body of toApplications(containers)) {
  const { result } = await client.request("PUT /applications/{id}", { params: { id: body.name }, body });
  if ("id" in result) console.log(`${result.name}: version ${result.version}, ${result.instances} instances`);
}
