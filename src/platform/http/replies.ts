import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import { AppError, type ErrorCode, type ErrorParams } from '../../model/errors/index.ts';
import { translate } from '../db/errors.ts';

/** The one shape of a refusal: clients branch on `code`. */
export interface ErrorReply {
  error: { code: ErrorCode; message: string; params: ErrorParams };
}

/** Fastify's own refusals (body too large, not JSON, no such route …) in our catalogue's words. */
const FASTIFY_CODES: Record<string, string> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'the body is too large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty, JSON is expected',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is not JSON',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'the content type is not application/json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the content length does not fit the body',
};

export function toAppError(error: unknown, request: FastifyRequest, log: Logger): AppError {
  if (error instanceof AppError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const why = error.validation.map(
      (item) => `${item.instancePath.replace(/^\//, '').replaceAll('/', '.') || 'it'}: ${item.message}`,
    );
    return new AppError('INPUT_INVALID', { why: [...new Set(why)].slice(0, 5).join('; ') }, { cause: error });
  }
  const { code, statusCode, message } = error as FastifyError;
  if (statusCode === 429) return new AppError('TOO_MANY', {}, { cause: error });
  const known = FASTIFY_CODES[code];
  if (known)
    return new AppError(
      code === 'FST_ERR_CTP_BODY_TOO_LARGE' ? 'BODY_TOO_LARGE' : 'INPUT_INVALID',
      { why: known },
      { cause: error },
    );
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new AppError('INPUT_INVALID', { why: message }, { cause: error });
  const translated = translate(error);
  if (translated instanceof AppError) return translated;
  if (isResponseSerializationError(error))
    log.error(
      { request: request.id, issues: error.cause.issues, path: request.routeOptions.url },
      'a reply does not fit its schema',
    );
  return new AppError('INTERNAL', { request: request.id }, { cause: error });
}

export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Logger): void {
  const known = toAppError(error, request, log);
  if (known.status >= 500)
    log.error(
      { request: request.id, method: request.method, path: request.routeOptions.url, err: known.cause ?? known },
      'a request broke',
    );
  const body: ErrorReply = { error: { code: known.code, message: known.message, params: known.params } };
  void reply.code(known.status).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body));
}
