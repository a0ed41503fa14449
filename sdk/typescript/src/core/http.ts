import { apiError, APIError, ConnectionError, TimeoutError, type Problem } from '../errors.js'
import { jitter, wait } from './wait.js'

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>

/** What one call can change. */
export interface RequestOptions {
  /** Stops the call, its retries included. */
  signal?: AbortSignal
  /** Milliseconds per attempt. */
  timeout?: number
  maxRetries?: number
  /** Names a POST so that a repeat does nothing twice; made up if absent. */
  idempotencyKey?: string
  headers?: Record<string, string>
}

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  query?: Query
  /** JSON unless it is FormData. */
  body?: unknown
  /** A POST that is safe to repeat and whose answer must not be kept. */
  unkeyed?: boolean
}

export interface TransportOptions {
  apiKey: string
  baseUrl: string
  fetch: Fetch
  maxRetries: number
  timeout: number
  headers: Record<string, string>
}

/** A longer Retry-After is the caller's decision, not a reason to hang. */
const MAX_RETRY_AFTER_MS = 60_000
const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 8_000

/** Sends calls: authentication, timeout, retries, errors. */
export class Transport {
  readonly #options: TransportOptions

  constructor(options: TransportOptions) {
    this.#options = options
  }

  get baseUrl(): string {
    return this.#options.baseUrl
  }

  url(path: string, query: Query = {}): string {
    const url = new URL(this.#options.baseUrl + path)
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue
      const text = typeof value === 'object' ? value.join(',') : String(value)
      if (text !== '') url.searchParams.set(name, text)
    }
    return url.href
  }

  /** Performs the call and reads its JSON answer; an empty answer is undefined. */
  async json<T>(call: Call, options: RequestOptions = {}): Promise<T> {
    const response = await this.send(call, options)
    if (response.status === 204) return undefined as T // only calls typed void get a 204
    const text = await response.text()
    if (text === '') return undefined as T // as above
    try {
      return JSON.parse(text) as T // the server's types are its promise; we do not check them again
    } catch (cause) {
      throw new ConnectionError(`the answer of ${call.method} ${call.path} is not JSON`, { cause })
    }
  }

  /** Performs the call, repeating it as often as allowed. */
  async send(call: Call, options: RequestOptions = {}): Promise<Response> {
    const retries = options.maxRetries ?? this.#options.maxRetries
    const init = this.#init(call, options)
    const url = this.url(call.path, call.query)
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(url, init, call, options)
      } catch (error) {
        const delay = retryDelay(error, attempt)
        if (attempt >= retries || delay === undefined) throw error
        await wait(delay, options.signal)
      }
    }
  }

  /** Opens an answer without an end. The signal closes it; there is no other timeout, and no retry. */
  async open(path: string, query: Query, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const init = this.#init({ method: 'GET', path }, { headers: { accept: 'text/event-stream' } })
    const response = await this.#options.fetch(this.url(path, query), { ...init, signal, redirect: 'error' })
    if (!response.ok) throw apiError(response.status, await readProblem(response), response.headers)
    if (!response.body) throw new ConnectionError(`GET ${path}: the answer has no body`)
    return response.body
  }

  #init(call: Call, options: RequestOptions): RequestInit {
    const headers = new Headers(this.#options.headers)
    headers.set('accept', 'application/json')
    headers.set('authorization', `Bearer ${this.#options.apiKey}`)
    const init: RequestInit = { method: call.method, headers }
    if (call.body instanceof FormData) {
      init.body = call.body
    } else if (call.body !== undefined) {
      headers.set('content-type', 'application/json')
      init.body = JSON.stringify(call.body)
    }
    if (call.method === 'POST' && !call.unkeyed) {
      headers.set('idempotency-key', options.idempotencyKey ?? crypto.randomUUID())
    }
    for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value)
    return init
  }

  async #attempt(url: string, init: RequestInit, call: Call, options: RequestOptions): Promise<Response> {
    options.signal?.throwIfAborted()
    const timeout = options.timeout ?? this.#options.timeout
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), timeout)
    const forward = () => stop.abort()
    options.signal?.addEventListener('abort', forward, { once: true })
    try {
      const response = await this.#options.fetch(url, { ...init, signal: stop.signal, redirect: 'error' })
      if (!response.ok) throw apiError(response.status, await readProblem(response), response.headers)
      // The body is read here, so that the timeout covers it.
      const body = response.status === 204 ? null : await response.arrayBuffer()
      return new Response(body, response)
    } catch (cause) {
      if (cause instanceof APIError) throw cause
      options.signal?.throwIfAborted()
      const what = `${call.method} ${call.path}`
      if (stop.signal.aborted) throw new TimeoutError(`${what}: no answer within ${timeout} ms`, { cause })
      throw new ConnectionError(`${what}: cannot reach ${this.#options.baseUrl}`, { cause })
    } finally {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', forward)
    }
  }
}

async function readProblem(response: Response): Promise<Problem> {
  const text = await response.text()
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Not ours: a proxy in between answered. The status says enough.
  }
  return { detail: text.slice(0, 200) || response.statusText }
}

/** Milliseconds before the next attempt, or undefined if another is no use. */
function retryDelay(error: unknown, attempt: number): number | undefined {
  const backoff = jitter(attempt, FIRST_DELAY_MS, MAX_DELAY_MS)
  if (error instanceof ConnectionError) return backoff
  if (!(error instanceof APIError) || !shouldRetry(error)) return undefined
  if (error.retryAfterMs === undefined) return backoff
  return error.retryAfterMs <= MAX_RETRY_AFTER_MS ? error.retryAfterMs : undefined
}

function shouldRetry(error: APIError): boolean {
  const { status } = error
  return status === 408 || status === 429 || status >= 500 || error.code === 'idempotency_in_progress'
}
