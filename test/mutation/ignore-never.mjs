/** What the compiler proves to be never reached cannot be tested: the `default` of a switch that is `assertNever`. */
import { declareValuePlugin, PluginKind } from "@stryker-mutator/api/plugin";

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, "never", {
    shouldIgnore(path) {
      const isNever =
        path.isSwitchCase() && path.node.test == null && JSON.stringify(path.node.consequent).includes("assertNever");
      return isNever ? "the compiler proves that it is never reached" : undefined;
    },
  }),
];
