/**
 * The one change that is made to what workerd asks of Docker: containers are labelled as ours, and Docker does not
 * restart them.
 */
import * as z from "zod";

const createBody = z.looseObject({
  Labels: z.record(z.string(), z.string()).nullish(),
  HostConfig: z.looseObject({}).nullish(),
});

/**
 * workerd creates workloads with the restart policy `on-failure`, unlimited: a job that failed would run again with
 * the same environment, behind the scheduler's back. Production does not restart.
 */
export function rewriteCreateBody(body: string, labels: Readonly<Record<string, string>>): string {
  let parsed;
  try {
    parsed = createBody.safeParse(JSON.parse(body));
  } catch {
    return body; // Docker says best what is wrong with it.
  }
  if (!parsed.success) return body;
  const wanted = parsed.data;
  return JSON.stringify({
    ...wanted,
    Labels: { ...wanted.Labels, ...labels },
    HostConfig: { ...wanted.HostConfig, RestartPolicy: { Name: "no" } },
  });
}
