/** Jobs that are not over and have an image of their own: it is in use until they are. */
import type { Database, Row } from "../database.ts";
import { OWN_REGISTRY } from "../registry/images/pin.ts";

interface NameRow extends Row {
  name: string;
}

/** `image`: `<repository>@<digest>` in Gantry's own registry. In words for people. */
export function usesOfJobs(db: Database, application: string, image: string): string[] {
  const sql = `SELECT jobs.name AS name FROM jobs JOIN job_launches ON job_launches.job = jobs.id
    WHERE jobs.finished_at IS NULL AND json_extract(job_launches.body, '$.pinned') = ? ORDER BY jobs.seq`;
  return db.all<NameRow>(sql, `${OWN_REGISTRY}/${image}`).map(({ name }) => `${application}, job ${name}`);
}
