import { WebhookVerificationError } from './errors.js'
import type { LinktorEvent } from './types/event.js'

export { isEvent, isKnownEvent } from './types/event.js'
export { WebhookVerificationError } from './errors.js'

/** Headers as any framework has them. */
export type HeadersLike = Headers | Record<string, string | readonly string[] | undefined>

export interface UnwrapOptions {
  /** How far the sender's clock may be off, in seconds. Defaults to 300. */
  toleranceSeconds?: number
  /** For tests. */
  now?: Date
}

/**
 * Checks a webhook and returns its event. `rawBody` is the body as received,
 * before any JSON parser. While a secret is being replaced, pass both.
 * Source: Standard Webhooks, section "Verifying webhook authenticity".
 */
export async function unwrap(
  rawBody: string | Uint8Array | ArrayBuffer,
  headers: HeadersLike,
  secret: string | readonly string[],
  options: UnwrapOptions = {},
): Promise<LinktorEvent> {
  const id = header(headers, 'webhook-id')
  const timestamp = header(headers, 'webhook-timestamp')
  const signatures = header(headers, 'webhook-signature')
  checkTime(timestamp, options)
  const body = typeof rawBody === 'string' ? new TextEncoder().encode(rawBody) : new Uint8Array(rawBody)
  const signed = concat(new TextEncoder().encode(`${id}.${timestamp}.`), body)
  if (!(await matches(signed, signatures, typeof secret === 'string' ? [secret] : secret))) {
    throw new WebhookVerificationError('no_match', 'no signature matches: wrong secret, or the body was changed')
  }
  return parse(body)
}

/** The call as `client.webhooks` has it. */
export class Webhooks {
  readonly unwrap = unwrap
}

function header(headers: HeadersLike, name: string): string {
  let value: string | null | undefined
  if (headers instanceof Headers) {
    value = headers.get(name)
  } else {
    const key = Object.keys(headers).find((k) => k.toLowerCase() === name)
    const found = key === undefined ? undefined : headers[key]
    value = typeof found === 'object' ? found[0] : found
  }
  if (!value) throw new WebhookVerificationError('missing_header', `the header ${name} is missing`)
  return value
}

function checkTime(timestamp: string, { toleranceSeconds = 300, now = new Date() }: UnwrapOptions): void {
  if (!/^\d+$/.test(timestamp)) {
    throw new WebhookVerificationError('bad_timestamp', 'webhook-timestamp is not a number of seconds')
  }
  const age = Math.floor(now.getTime() / 1000) - Number(timestamp)
  if (age > toleranceSeconds) throw new WebhookVerificationError('too_old', `the webhook is ${age} s old`)
  if (-age > toleranceSeconds) {
    throw new WebhookVerificationError('too_new', `the webhook is ${-age} s in the future: check the clock`)
  }
}

/** Whether any v1 signature is right under any secret. WebCrypto compares in constant time. */
async function matches(signed: Uint8Array<ArrayBuffer>, list: string, secrets: readonly string[]): Promise<boolean> {
  const signatures = list.split(' ').flatMap((entry) => {
    const bytes = entry.startsWith('v1,') ? decode(entry.slice(3)) : undefined
    return bytes ? [bytes] : []
  })
  let found = false
  for (const secret of secrets) {
    const raw = decode(secret.replace(/^whsec_/, ''))
    if (!raw?.length) throw new WebhookVerificationError('bad_secret', 'a webhook secret is whsec_ and base64')
    const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
    for (const signature of signatures) {
      if (await crypto.subtle.verify('HMAC', key, signature, signed)) found = true
    }
  }
  return found
}

function parse(body: Uint8Array): LinktorEvent {
  try {
    const event: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    if (typeof event === 'object' && event !== null) return event as LinktorEvent // signed by our server
  } catch (cause) {
    throw new WebhookVerificationError('bad_payload', 'the signed body is not JSON', { cause })
  }
  throw new WebhookVerificationError('bad_payload', 'the signed body is not an object')
}

function decode(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
  } catch {
    return undefined
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length)
  whole.set(a)
  whole.set(b, a.length)
  return whole
}
