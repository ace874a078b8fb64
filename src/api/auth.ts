/** Bearer tokens. Compared as digests in constant time, so that neither content nor length of the real one leaks. */

export async function isAuthorized(request: Request, env: Env): Promise<boolean> {
  const token = bearerToken(request.headers.get("authorization"));
  if (token === null || env.GANTRY_ADMIN_TOKEN === undefined || env.GANTRY_ADMIN_TOKEN === "") return false;
  return await sameSecret(token, env.GANTRY_ADMIN_TOKEN);
}

export function bearerToken(header: string | null): string | null {
  return /^Bearer +([^\s]+)$/i.exec(header ?? "")?.[1] ?? null;
}

async function sameSecret(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([digest(a), digest(b)]);
  return crypto.subtle.timingSafeEqual(first, second);
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}
