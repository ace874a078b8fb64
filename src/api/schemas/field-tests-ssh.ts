/** Which test sees the effect of each field of SSH, and of commands that are signed. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const SSH = "test/workers/ssh.test.ts";
const EXEC = "test/workers/exec-signatures.test.ts";

const RUNS = "runs once, and its audit row names the key";
const PLACED = "gets its folder, its variables and its exit code";
const KILLED = "is killed at its time and at its size";

const COMMAND: Tests = {
  command: [EXEC, RUNS],
  args: [EXEC, RUNS],
  cwd: [EXEC, PLACED],
  env: [EXEC, PLACED],
  timeout_ms: [EXEC, KILLED],
  max_output_bytes: [EXEC, KILLED],
};

const SWITCH: Tests = {
  "wrangler_ssh.enabled": [SSH, "carries bytes to and from port 22 of its container, by either of its ids"],
  "wrangler_ssh.port": [SSH, "goes to the port that the configuration says, which the container is told"],
};

export const SSH_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  ConfigurationInput: SWITCH,
  ExecChallenge: COMMAND,
  Exec: {
    ...COMMAND,
    challenge: [EXEC, "with a challenge for another command, instance or account, an old one, or one that was made up"],
    signature: [EXEC, "with a signature over something else, or for something else"],
  },
};
