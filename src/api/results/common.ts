/** Pieces of answers that many resources share. */
import * as z from "zod";

export const timestamp = z.iso.datetime();
export const message = z.strictObject({ message: z.string() });
export const uuid = z.uuid();
