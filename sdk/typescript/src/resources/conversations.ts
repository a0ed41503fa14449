import type { RequestOptions } from '../core/http.js'
import type { List } from '../core/page.js'
import { path, Resource, type ListParams } from '../core/resource.js'
import type { Conversation, ConversationListParams, ConversationUpdate } from '../types/conversation.js'
import type { Message } from '../types/message.js'

export class Conversations extends Resource {
  list(params: ConversationListParams = {}, options?: RequestOptions): List<Conversation> {
    return this.pages('/api/v1/conversations', params, options)
  }

  get(id: string, options?: RequestOptions): Promise<Conversation> {
    return this.http.json({ method: 'GET', path: path`/api/v1/conversations/${id}` }, options)
  }

  update(id: string, changes: ConversationUpdate, options?: RequestOptions): Promise<Conversation> {
    return this.http.json({ method: 'PATCH', path: path`/api/v1/conversations/${id}`, body: changes }, options)
  }

  /** Sets the unread count to zero. */
  markRead(id: string, options?: RequestOptions): Promise<Conversation> {
    return this.http.json({ method: 'POST', path: path`/api/v1/conversations/${id}/read`, body: {} }, options)
  }

  messages(id: string, params: ListParams = {}, options?: RequestOptions): List<Message> {
    return this.pages(path`/api/v1/conversations/${id}/messages`, params, options)
  }
}
