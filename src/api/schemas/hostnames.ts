/** `hostnames` of an application: names of its own beside `<application>.<ingress domain>`, in their canonical form. */
import * as z from "zod";
import { MAX_HOSTNAME_LENGTH, normalizeHostname } from "../../hostname.ts";

const MAX_HOSTNAMES = 20;

const hostname = z
  .string()
  .min(1)
  .max(MAX_HOSTNAME_LENGTH)
  .transform((text, context) => {
    const normalized = normalizeHostname(text);
    if ("hostname" in normalized) return normalized.hostname;
    context.addIssue({ code: "custom", message: normalized.problem });
    return z.NEVER;
  });

export const hostnames = z
  .array(hostname)
  .max(MAX_HOSTNAMES)
  .superRefine((names, context) => {
    names.forEach((name, index) => {
      if (names.indexOf(name) === index) return;
      context.addIssue({ code: "custom", path: [index], message: `is there twice: ${name}` });
    });
  })
  .describe(
    "Host names under which it is called beside its own; each belongs to one application, and has to be routed to the " +
      "control plane. Default: none",
  );
