import type { RequestOptions } from '../core/http.js'
import type { List } from '../core/page.js'
import { path, Resource } from '../core/resource.js'
import type { Message, MessageDetail, MessageListParams, Retried, SendParams, Settlement, Trace } from '../types/message.js'

export class Messages extends Resource {
  /**
   * Accepts a message for sending. It is stored when this resolves; what becomes
   * of it comes as `message.status` events. A retry sends nothing twice: every
   * attempt of one call carries the same idempotency key.
   */
  send(params: SendParams, options?: RequestOptions): Promise<Message> {
    return this.http.json({ method: 'POST', path: '/api/v1/messages', body: params }, options)
  }

  /** A message with its timeline: request, attempts, provider reports. */
  get(id: string, options?: RequestOptions): Promise<MessageDetail> {
    return this.http.json({ method: 'GET', path: path`/api/v1/messages/${id}` }, options)
  }

  /** Its whole story: request, waits, attempts with what was said to the provider, webhooks, reports, events. */
  trace(id: string, options?: RequestOptions): Promise<Trace> {
    return this.http.json({ method: 'GET', path: path`/api/v1/messages/${id}/trace` }, options)
  }

  /** Newest first. Await it for a page, or iterate it for all. */
  list(params: MessageListParams = {}, options?: RequestOptions): List<Message> {
    return this.pages('/api/v1/messages', params, options)
  }

  /** Marks an inbound message as read at the provider; `typing` shows that you are writing. */
  async markRead(id: string, params: { typing?: boolean } = {}, options?: RequestOptions): Promise<void> {
    await this.http.send({ method: 'POST', path: path`/api/v1/messages/${id}/read`, body: params }, options)
  }

  /** Keeps a scheduled or queued message from being sent; `not_cancellable` if that is too late. */
  cancel(id: string, options?: RequestOptions): Promise<Message> {
    return this.http.json({ method: 'POST', path: path`/api/v1/messages/${id}/cancel`, body: {} }, options)
  }

  /** Sends a message again that ended without being delivered, and says whether the customer may get it twice. */
  retry(id: string, options?: RequestOptions): Promise<Retried> {
    return this.http.json({ method: 'POST', path: path`/api/v1/messages/${id}/retry`, body: {} }, options)
  }

  /** Says what became of an uncertain message. */
  settle(id: string, params: Settlement, options?: RequestOptions): Promise<Message> {
    return this.http.json({ method: 'POST', path: path`/api/v1/messages/${id}/settle`, body: params }, options)
  }
}
