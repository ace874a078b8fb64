/** Which test sees the effect of each field of a start. */

const START = "test/workers/start-options.test.ts";
const CHOSEN = "has that environment, image and size, and of the configuration what was not chosen";

export const START_FIELD_TESTS: Readonly<Record<string, Readonly<Record<string, readonly [string, string]>>>> = {
  Start: {
    environment_variables: [START, CHOSEN],
    "environment_variables[].name": [START, CHOSEN],
    "environment_variables[].value": [START, CHOSEN],
    image: [START, CHOSEN],
    instance_type: [START, CHOSEN],
    snapshot: [START, "brings back the disk as it was, at each start until the instance is destroyed"],
  },
};
