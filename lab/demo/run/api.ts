/** The public HTTP API, with one person's token. */
export interface Api {
  token: string;
  get<T>(path: string, query?: Record<string, string>): Promise<T>;
  list<T>(path: string, query?: Record<string, string>): Promise<T[]>;
  post<T>(path: string, body?: object): Promise<T>;
  text(path: string, query?: Record<string, string>): Promise<string>;
}

export function createApi(url: string, token: string): Api {
  const call = async (
    method: string,
    path: string,
    query?: Record<string, string>,
    body?: object,
  ): Promise<Response> => {
    const response = await fetch(`${url}/api/v1${path}${query ? `?${new URLSearchParams(query)}` : ''}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (response.ok) return response;
    const said = (await response.json().catch(() => ({}))) as { error?: { code: string; message: string } };
    throw new Error(
      `${method} ${path} was answered ${response.status} ${said.error?.code ?? ''}: ${said.error?.message ?? ''}`,
    );
  };
  const json = async <T>(response: Promise<Response>): Promise<T> => (await (await response).json()) as T;
  return {
    token,
    get: <T>(path: string, query?: Record<string, string>) => json<T>(call('GET', path, query)),
    list: async <T>(path: string, query?: Record<string, string>) =>
      (await json<{ items: T[] }>(call('GET', path, query))).items,
    post: <T>(path: string, body: object = {}) => json<T>(call('POST', path, undefined, body)),
    text: async (path, query) => (await call('GET', path, query)).text(),
  };
}
