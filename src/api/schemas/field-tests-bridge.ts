/** Which test sees the effect of each field of the bridge and of hooks. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const BRIDGE = "test/workers/bridge.test.ts";
const HOOKS = "test/workers/hooks.test.ts";

const CALLED = "of the bound Worker is called once, with who calls, and its answer is passed on";
const HEARD = "hear a start and a stop once, in the form that the SDK reads, and leave nothing behind";
const NOT_BOUND = "of a Worker that is not bound is refused when the application is written";
const TAKEN_AWAY = "of a Worker that has none fail, are kept, and go when hooks are taken away";

export const BRIDGE_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  CreateApplication: { "bridge.binding": [BRIDGE, CALLED], "hooks.binding": [HOOKS, HEARD] },
  PutApplication: { "bridge.binding": [BRIDGE, CALLED], "hooks.binding": [HOOKS, HEARD] },
  PatchApplication: {
    bridge: [BRIDGE, NOT_BOUND],
    "bridge.binding": [BRIDGE, NOT_BOUND],
    hooks: [HOOKS, TAKEN_AWAY],
    "hooks.binding": [HOOKS, TAKEN_AWAY],
  },
  ConfigurationInput: {
    bridge_token: [
      BRIDGE,
      "is given only to a container whose application asks for it, and is as good as being inside",
    ],
    max_hold: [BRIDGE, "is not waited for longer than max_hold, and not at all by a delete"],
  },
};
