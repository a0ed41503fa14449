/** The root of everything this SDK throws on its own account. */
export class LinktorError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** The request did not reach the server, or its answer did not reach us. */
export class ConnectionError extends LinktorError {}

/** No answer came within the timeout. */
export class TimeoutError extends ConnectionError {}

/** One invalid field of a request. */
export interface FieldError {
  /** JSON pointer into the request body, e.g. `/content/text`. */
  pointer?: string
  /** Name of the query, path or header parameter. */
  parameter?: string
  code: string
  message: string
  limit?: number
}

/** The body of an error answer (RFC 9457 with members of our own). */
export interface Problem {
  type?: string
  title?: string
  status?: number
  detail?: string
  instance?: string
  code?: string
  requestId?: string
  retryable?: boolean
  errors?: FieldError[]
}

/** The server answered with an error. */
export class APIError extends LinktorError {
  /** HTTP status. */
  readonly status: number
  /** The word to branch on, e.g. `window_closed`. New words can appear. */
  readonly code: string
  /** Quote it when you report a problem. */
  readonly requestId: string | undefined
  /** Whether the same request can succeed later. */
  readonly retryable: boolean
  /** One entry per invalid field. */
  readonly errors: FieldError[]
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined
  readonly problem: Problem

  constructor(status: number, problem: Problem, headers?: Headers) {
    super(describe(status, problem))
    this.status = status
    this.code = problem.code ?? `http_${status}`
    this.requestId = problem.requestId ?? headers?.get('x-request-id') ?? undefined
    this.retryable = problem.retryable ?? (status === 429 || status >= 500)
    this.errors = problem.errors ?? []
    this.retryAfterMs = parseRetryAfter(headers?.get('retry-after') ?? null)
    this.problem = problem
  }
}

/** 400, 413, 415, 422: the request can never succeed as it is. */
export class ValidationError extends APIError {}
/** 401: no key, a wrong one, or one that was revoked. */
export class AuthenticationError extends APIError {}
/** 403: the key lacks a permission, or the channel is outside its scope. */
export class PermissionError extends APIError {}
/** 404: there is no such thing, or it belongs to another organisation. */
export class NotFoundError extends APIError {}
/** 409: the request does not fit the current state. */
export class ConflictError extends APIError {}
/** 429: a limit was passed; see `retryAfterMs`. */
export class RateLimitError extends APIError {}
/** `window_closed`: the customer wrote too long ago; send a template. */
export class WindowClosedError extends ValidationError {}
/** 5xx. */
export class ServerError extends APIError {}

/** A realtime connection ended for good. */
export class RealtimeError extends LinktorError {
  /** The WebSocket close code, e.g. 4011 for a revoked key; 0 if there was none. */
  readonly code: number
  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Why a webhook was refused. */
export type WebhookFault =
  | 'missing_header'
  | 'bad_timestamp'
  | 'too_old'
  | 'too_new'
  | 'no_match'
  | 'bad_secret'
  | 'bad_payload'

/** A webhook is not what it claims to be: answer 401 and do nothing. */
export class WebhookVerificationError extends LinktorError {
  readonly reason: WebhookFault
  constructor(reason: WebhookFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** Picks the class that fits an error answer. */
export function apiError(status: number, problem: Problem, headers?: Headers): APIError {
  if (problem.code === 'window_closed') return new WindowClosedError(status, problem, headers)
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return new ValidationError(status, problem, headers)
    case 401:
      return new AuthenticationError(status, problem, headers)
    case 403:
      return new PermissionError(status, problem, headers)
    case 404:
      return new NotFoundError(status, problem, headers)
    case 409:
      return new ConflictError(status, problem, headers)
    case 429:
      return new RateLimitError(status, problem, headers)
  }
  return status >= 500 ? new ServerError(status, problem, headers) : new APIError(status, problem, headers)
}

function describe(status: number, problem: Problem): string {
  let text = `${status} ${problem.code ?? problem.title ?? 'error'}`
  if (problem.detail) text += `: ${problem.detail}`
  for (const field of problem.errors ?? []) {
    text += ` [${field.pointer ?? field.parameter ?? '/'}: ${field.message}]`
  }
  return text
}

/** Reads Retry-After, which is seconds or an HTTP date (RFC 9110, 10.2.3). */
function parseRetryAfter(value: string | null): number | undefined {
  if (!value) return undefined
  const seconds = Number(value)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000)
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}
