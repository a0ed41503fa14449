import type { RequestOptions } from '../core/http.js'
import type { List } from '../core/page.js'
import { path, Resource } from '../core/resource.js'
import type { JournalEntry, JournalListParams, JournalReplay, JournalReplayParams } from '../types/channel.js'

/** The webhook bodies of the providers, as they came. */
export class Journal extends Resource {
  list(params: JournalListParams = {}, options?: RequestOptions): List<JournalEntry> {
    return this.pages('/api/v1/journal', params, options)
  }

  get(id: string, options?: RequestOptions): Promise<JournalEntry> {
    return this.http.json({ method: 'GET', path: path`/api/v1/journal/${id}` }, options)
  }

  /** Applies a body again, for instance one that failed. Nothing is stored twice. */
  replay(id: string, options?: RequestOptions): Promise<JournalEntry> {
    return this.http.json({ method: 'POST', path: path`/api/v1/journal/${id}/replay`, body: {} }, options)
  }

  /**
   * Applies the bodies of a range again, oldest first. A call is one step: call it
   * again with `next` as `after` until `hasMore` is false.
   */
  replayRange(params: JournalReplayParams = {}, options?: RequestOptions): Promise<JournalReplay> {
    const body = typeof params.state === 'object' ? { ...params, state: params.state.join(',') } : params
    return this.http.json({ method: 'POST', path: '/api/v1/journal/replay', body }, options)
  }
}
