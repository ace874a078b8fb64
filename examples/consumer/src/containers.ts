/** The containers of this Worker: each export is an application of the control plane. */
import { defineContainer } from "gantry";

export const hello = defineContainer({
  // An image that the control plane declares; "./containers/hello" would be one that is built.
  image: { name: "hello-world" },
  defaultPort: 8080,
  instanceType: "lite",
  // Two for whoever comes, and up to four rooms at a time.
  instances: 2,
  maxInstances: 6,
  sleepAfter: "5m",
  readyOn: [{ path: "/health" }],
  ingress: "private",
});
