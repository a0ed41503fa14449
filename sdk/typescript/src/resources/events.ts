import type { RequestOptions } from '../core/http.js'
import type { EventReset, List } from '../core/page.js'
import { Resource } from '../core/resource.js'
import { wait } from '../core/wait.js'
import type { EventListParams, LinktorEvent } from '../types/event.js'

export interface FollowParams extends EventListParams {
  /** Milliseconds between questions when there was nothing new. Defaults to 2,000. */
  intervalMs?: number
  /** Hears that events are missing for good: read the current state from the REST API. */
  onReset?: (reset: EventReset) => void
}

/** The organisation's ordered log of everything that happened. */
export class Events extends Resource {
  /** Oldest first. `after` is a cursor (a page's, or a realtime connection's) or `latest`. */
  list(params: EventListParams = {}, options?: RequestOptions): List<LinktorEvent> {
    return this.pages('/api/v1/events', params, options)
  }

  /** All events after `after` and then, by asking again and again, the new ones. Ends with `signal`. */
  async *iterate(params: FollowParams = {}, options: RequestOptions = {}): AsyncGenerator<LinktorEvent> {
    const { intervalMs = 2000, onReset, ...query } = params
    let after = query.after
    for (;;) {
      const page = await this.list({ ...query, after }, options)
      if (page.reset) onReset?.(page.reset)
      yield* page.data
      after = page.next ?? page.cursor ?? after
      if (!page.hasNextPage()) await wait(intervalMs, options.signal)
    }
  }
}
