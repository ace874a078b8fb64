/** Names of applications. */
import * as z from "zod";

export const APPLICATION_NAME = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

export const applicationName = z
  .string()
  .regex(
    APPLICATION_NAME,
    "must be 1 to 63 lower-case letters, digits, - or _, starting and ending with a letter or digit",
  );
