import type { RequestOptions } from '../core/http.js'
import type { List } from '../core/page.js'
import { path, Resource } from '../core/resource.js'
import type { Contact, ContactCreate, ContactListParams, ContactUpdate } from '../types/conversation.js'

export class Contacts extends Resource {
  list(params: ContactListParams = {}, options?: RequestOptions): List<Contact> {
    return this.pages('/api/v1/contacts', params, options)
  }

  get(id: string, options?: RequestOptions): Promise<Contact> {
    return this.http.json({ method: 'GET', path: path`/api/v1/contacts/${id}` }, options)
  }

  create(params: ContactCreate, options?: RequestOptions): Promise<Contact> {
    return this.http.json({ method: 'POST', path: '/api/v1/contacts', body: params }, options)
  }

  update(id: string, changes: ContactUpdate, options?: RequestOptions): Promise<Contact> {
    return this.http.json({ method: 'PATCH', path: path`/api/v1/contacts/${id}`, body: changes }, options)
  }
}
