import type { RequestOptions } from '../core/http.js'
import type { List } from '../core/page.js'
import { Resource } from '../core/resource.js'
import type { DeadLetter, DeadLetterListParams, DeadLetterReplay, DeadLetterReplayParams } from '../types/message.js'

/** Messages that ended without being delivered. */
export class DeadLetters extends Resource {
  /** Newest first. Await it for a page, or iterate it for all. */
  list(params: DeadLetterListParams = {}, options?: RequestOptions): List<DeadLetter> {
    return this.pages('/api/v1/dead-letters', params, options)
  }

  /**
   * Sends dead letters again, oldest first. A call is one step: call it again with
   * `next` as `after` until `hasMore` is false. The same call twice sends nothing twice.
   */
  replay(params: DeadLetterReplayParams = {}, options?: RequestOptions): Promise<DeadLetterReplay> {
    return this.http.json({ method: 'POST', path: '/api/v1/dead-letters/replay', body: params }, options)
  }
}
