/** The server's refusal in its own words; branch on `code` only. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export async function call<T = unknown>(
  method: string,
  path: string,
  options: { query?: Record<string, string>; body?: unknown } = {},
): Promise<T> {
  const query = options.query ? `?${new URLSearchParams(options.query)}` : '';
  const reply = await fetch(`/api/v1${path}${query}`, {
    method,
    headers: {
      'x-lastember': 'console',
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const data = (await reply.json().catch(() => ({}))) as { error?: { code: string; message: string } };
  if (!reply.ok)
    throw new ApiError(
      data.error?.code ?? 'UNREACHABLE',
      reply.status,
      data.error?.message ?? `The server answered ${reply.status}.`,
    );
  return data as T;
}
