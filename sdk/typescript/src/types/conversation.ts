import type { ListParams } from '../core/resource.js'
import type { Open } from './message.js'

export type ConversationStatus = Open<'open' | 'pending' | 'snoozed' | 'resolved'>

export interface Conversation {
  id: string
  channelId: string
  channelType: string
  contactId: string
  contact?: { id: string; name?: string; profileName?: string }
  status: ConversationStatus
  assigneeId?: string | null
  labels: string[]
  unreadCount: number
  lastMessage?: { id: string; direction: 'inbound' | 'outbound'; type: string; status?: string; preview?: string } | null
  lastMessageAt?: string | null
  lastInboundAt?: string | null
  /** Until when anything but a template may be sent. */
  windowExpiresAt?: string | null
  windowOpen: boolean
  snoozedUntil?: string | null
  createdAt: string
  updatedAt: string
  resolvedAt?: string
}

export interface ConversationListParams extends ListParams {
  status?: ConversationStatus
  channelId?: string
  contactId?: string
  /** A user, or `none`. */
  assigneeId?: string
  label?: string
}

export interface ConversationUpdate {
  status?: 'open' | 'pending' | 'snoozed' | 'resolved'
  /** RFC 3339; with status snoozed. */
  snoozedUntil?: string | null
  assigneeId?: string | null
  labels?: string[]
}

export interface Contact {
  id: string
  name?: string
  profileName?: string
  /** ISO 3166-1 alpha-2. */
  country?: string
  attributes?: Record<string, unknown>
  identities: ContactIdentity[]
  createdAt: string
  updatedAt: string
}

export interface ContactIdentity {
  channelType: string
  kind: Open<'phone' | 'user_id' | 'parent_user_id' | 'username' | 'group'>
  /** E.164 for phones. */
  value: string
  /** As the provider wrote it. */
  raw?: string
}

export interface ContactListParams extends ListParams {
  /** Part of a name, a number or an id. */
  q?: string
}

export interface ContactCreate {
  name?: string
  attributes?: Record<string, unknown>
  identities: { channelType: string; kind: string; value: string }[]
}

export interface ContactUpdate {
  name?: string
  attributes?: Record<string, unknown>
}
