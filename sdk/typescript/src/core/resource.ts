import type { Query, RequestOptions, Transport } from './http.js'
import { List, type ListBody } from './page.js'

/** Paging parameters of every list. */
export interface ListParams {
  /** Items per page, 1 to 100; the server's default is 25. */
  limit?: number
  /** Start after this cursor. */
  after?: string
}

/** A group of calls. */
export abstract class Resource {
  protected readonly http: Transport

  constructor(http: Transport) {
    this.http = http
  }

  protected pages<T>(path: string, params: object, options?: RequestOptions): List<T> {
    const { after, ...query } = params as Query // list parameters hold strings, numbers and lists of them
    return new List<T>(
      (cursor) => this.http.json<ListBody<T>>({ method: 'GET', path, query: { ...query, after: cursor } }, options),
      after === undefined ? undefined : String(after),
    )
  }
}

/** A path with its parts escaped: path`/api/v1/messages/${id}`. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((whole, part, i) => {
    const value = values[i - 1] ?? ''
    // An empty part would silently address the collection instead.
    if (value === '') throw new TypeError('an id is missing')
    return whole + encodeURIComponent(value) + part
  })
}
