import type { ListParams } from '../core/resource.js'
import type { Content } from './content.js'
import type { Author, MessageContext, MessageError, MessageStatus, Open, Pricing, Referral } from './message.js'

/** An event as every consumer gets it: realtime, webhook and `client.events`. */
export interface Envelope<Type extends string = string, Data = unknown> {
  id: string
  /** Its place in the organisation's log: 1, 2, 3, … */
  seq: number
  type: Type
  /** Equals `type`. */
  event: Type
  timestamp: string
  apiVersion: string
  data: Data
}

interface MessageData {
  id: string
  channelId: string
  channelType: Open<'whatsapp' | 'link'>
  from?: string
  to?: string
  content: Content
  /** The provider's time, ours if it gave none. */
  timestamp: string
  metadata: Record<string, string>
  conversationId: string
  contactId: string
  contact: { id: string; name?: string; profileName?: string }
  replyTo?: string
  context?: MessageContext
  referral?: Referral
  groupId?: string
  historic?: boolean
  status?: MessageStatus
  reference?: string
  author?: Author
  /** Our time. */
  receivedAt?: string
}

/** A customer wrote; or, with `echo`, the business wrote from its phone. */
export interface MessageReceived extends MessageData {
  direction: 'inbound' | 'outbound'
  echo?: boolean
}

/** A message to a customer was accepted. */
export interface MessageCreated extends MessageData {
  direction: 'outbound'
}

/** An outbound message made a step. */
export interface MessageStatusChanged {
  messageId: string
  status: MessageStatus
  timestamp: string
  channelId: string
  conversationId: string
  contactId: string
  previousStatus?: MessageStatus
  error?: MessageError
  pricing?: Pricing
  /** A delivery after a failure: the failure was wrong. */
  correction?: boolean
  possibleDuplicate?: boolean
  trackingLost?: boolean
  deletedAt?: string
  reference?: string
  waMessageId?: string
}

/** Something else that a provider announced. */
export interface ProviderChange {
  channelId: string
  channelType: string
  /** The provider's name for it. */
  field: string
  timestamp: string
  summary?: string
  severity?: Open<'info' | 'warning' | 'critical'>
  template?: {
    providerId: string
    name: string
    language: string
    status?: string
    quality?: string
    category?: string
    reason?: string
  }
  limit?: { tier?: string; recipients?: number; throughput?: number; quality?: string }
  raw?: unknown
  [member: string]: unknown
}

/** The data of each type of event that this version knows. */
export interface EventData {
  'message.received': MessageReceived
  'message.created': MessageCreated
  'message.status': MessageStatusChanged
  'conversation.created': Record<string, unknown>
  'conversation.updated': Record<string, unknown>
  'contact.updated': Record<string, unknown>
  'template.status': ProviderChange
  'template.quality': ProviderChange
  'template.category': ProviderChange
  'template.components': ProviderChange
  'channel.quality': ProviderChange
  'channel.tier': ProviderChange
  'channel.alert': ProviderChange
  'channel.account': ProviderChange
  'channel.status': Record<string, unknown>
  'provider.change': ProviderChange
}

export type EventType = keyof EventData

/** An event of a type that this version knows: `type` tells what `data` is. */
export type KnownEvent = { [T in EventType]: Envelope<T, EventData[T]> }[EventType]

/** Any event. New types appear over time: narrow with `isEvent` or `isKnownEvent`. */
export type LinktorEvent = Envelope

const KNOWN: Record<EventType, true> = {
  'message.received': true,
  'message.created': true,
  'message.status': true,
  'conversation.created': true,
  'conversation.updated': true,
  'contact.updated': true,
  'template.status': true,
  'template.quality': true,
  'template.category': true,
  'template.components': true,
  'channel.quality': true,
  'channel.tier': true,
  'channel.alert': true,
  'channel.account': true,
  'channel.status': true,
  'provider.change': true,
}

/** Narrows to the union that a `switch (event.type)` understands. */
export function isKnownEvent(event: Envelope): event is KnownEvent {
  return Object.hasOwn(KNOWN, event.type)
}

/** Narrows an event to one type: `if (isEvent(e, 'message.received')) e.data.from`. */
export function isEvent<T extends EventType>(event: Envelope, type: T): event is Envelope<T, EventData[T]> {
  return event.type === type
}

export interface EventListParams extends ListParams {
  types?: readonly string[]
  channelId?: string
}
