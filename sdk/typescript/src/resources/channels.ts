import type { RequestOptions } from '../core/http.js'
import type { List } from '../core/page.js'
import { path, Resource } from '../core/resource.js'
import type { Channel, ChannelCreate, ChannelLimits, ChannelListParams, ChannelType, ChannelUpdate, Health } from '../types/channel.js'

export class Channels extends Resource {
  list(params: ChannelListParams = {}, options?: RequestOptions): List<Channel> {
    return this.pages('/api/v1/channels', params, options)
  }

  get(id: string, options?: RequestOptions): Promise<Channel> {
    return this.http.json({ method: 'GET', path: path`/api/v1/channels/${id}` }, options)
  }

  create(params: ChannelCreate, options?: RequestOptions): Promise<Channel> {
    return this.http.json({ method: 'POST', path: '/api/v1/channels', body: params }, options)
  }

  update(id: string, changes: ChannelUpdate, options?: RequestOptions): Promise<Channel> {
    return this.http.json({ method: 'PATCH', path: path`/api/v1/channels/${id}`, body: changes }, options)
  }

  async delete(id: string, options?: RequestOptions): Promise<void> {
    await this.http.send({ method: 'DELETE', path: path`/api/v1/channels/${id}` }, options)
  }

  enable(id: string, options?: RequestOptions): Promise<Channel> {
    return this.http.json({ method: 'POST', path: path`/api/v1/channels/${id}/enable`, body: {} }, options)
  }

  disable(id: string, options?: RequestOptions): Promise<Channel> {
    return this.http.json({ method: 'POST', path: path`/api/v1/channels/${id}/disable`, body: {} }, options)
  }

  /** Asks the provider whether the settings work, and says what is wrong. */
  verify(id: string, options?: RequestOptions): Promise<Health> {
    return this.http.json({ method: 'POST', path: path`/api/v1/channels/${id}/verify`, body: {} }, options)
  }

  /** Every limit of a channel: how much is used, when it resets, and what waits for it. */
  async limits(id: string, options?: RequestOptions): Promise<ChannelLimits> {
    const body = await this.http.json<{ data: ChannelLimits }>({ method: 'GET', path: path`/api/v1/channels/${id}/limits` }, options)
    return body.data
  }

  /** The channel types of this server: their settings, contents and limits. */
  async types(options?: RequestOptions): Promise<ChannelType[]> {
    const body = await this.http.json<{ data: ChannelType[] }>({ method: 'GET', path: '/api/v1/channel-types' }, options)
    return body.data
  }
}
