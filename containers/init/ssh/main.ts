/** `gantry-ssh`: begun by `gantry-init` beside the container's command, when the configuration has keys for it. */
import { serve } from "./server.ts";

const {
  GANTRY_SSH_PORT,
  GANTRY_AUTHORIZED_KEYS = "",
  GANTRY_TRUSTED_USER_CA_KEYS = "",
  GANTRY_INIT: _,
  ...env
} = process.env;

serve({
  port: Number(GANTRY_SSH_PORT ?? 22),
  authorizedKeys: GANTRY_AUTHORIZED_KEYS,
  authorities: GANTRY_TRUSTED_USER_CA_KEYS,
  env,
}).catch((error: unknown) => {
  console.error(`gantry-ssh: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
