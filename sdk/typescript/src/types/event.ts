import type { ListParams } from '../core/resource.js'
import type { Health } from './channel.js'
import type { Content } from './content.js'
import type { ContactIdentity, ConversationStatus } from './conversation.js'
import type { Author, MessageContext, MessageError, MessageStatus, Open, Pricing, Referral, Waiting } from './message.js'

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
  content: Content
  /** The provider's time, ours if it gave none. */
  timestamp: string
  /** What the channel says, such as `waMessageId` and `profileName`. `late` is `"true"` if the message was old when it came. */
  metadata: Record<string, string>
  conversationId: string
  contactId: string
  /** `name` is the one you gave, `profileName` the one that the customer chose. */
  contact: { id: string; name?: string; profileName?: string }
  /** Our id of the message that it quotes, reacts to, edits or deletes. */
  replyTo?: string
  context?: MessageContext
  referral?: Referral
  groupId?: string
  /** From an import of old messages. */
  historic?: boolean
  /** Our time. */
  receivedAt?: string
}

/** A customer wrote. */
export interface MessageReceived extends MessageData {
  direction: 'inbound'
  /** E.164 phone number, or another address if there is none. */
  from?: string
}

/** A message to a customer was accepted; or, with `echo`, somebody wrote from the business's phone. */
export interface MessageCreated extends MessageData {
  direction: 'outbound'
  to?: string
  /** `queued`; `scheduled` with `sendAt`; `sent` for a message from the phone. */
  status: MessageStatus
  /** Yours, from `send`. */
  reference?: string
  /** Of type `phone`, without an id, with `echo`. */
  author?: Author
  /** Written on the phone, not through us. */
  echo?: boolean
  /** When a scheduled message is to be sent. */
  sendAt?: string
  /** For a closed window. */
  fallbackTemplate?: Content
  /** The window is closed: `fallbackTemplate` is sent instead of `content`. */
  usedFallback?: boolean
}

/** An outbound message made a step. */
export interface MessageStatusChanged {
  messageId: string
  status: MessageStatus
  timestamp: string
  channelId: string
  conversationId: string
  contactId: string
  /** Absent if the status stayed, as with `trackingLost` and `deletedAt`. */
  previousStatus?: MessageStatus
  /** With `failed`, `expired` and `uncertain`. */
  error?: MessageError
  pricing?: Pricing
  /** A delivery after a failure: the failure was wrong. */
  correction?: boolean
  /** It was resent although an earlier attempt may have arrived. */
  possibleDuplicate?: boolean
  /** The provider will report no more about it. */
  trackingLost?: boolean
  /** The provider took it although it had expired, or was cancelled or rejected here. The status stays. */
  lateAcceptance?: boolean
  /** The window is closed: the message's `fallbackTemplate` is sent instead of its content. */
  usedFallback?: boolean
  /** When the recipient deleted it. */
  deletedAt?: string
  /** Yours, from `send`. */
  reference?: string
  /** The id at the network, once it is known. */
  waMessageId?: string
}

/** Why a message is not being sent right now: once per reason. */
export interface MessageWaiting {
  messageId: string
  channelId: string
  conversationId: string
  waiting: Waiting | null
}

/** A conversation began or changed. Less than a `Conversation`: read that for the whole. */
export interface ConversationChanged {
  id: string
  channelId: string
  contactId: string
  status: ConversationStatus
  unreadCount: number
  /** Can be missing although somebody is assigned, if a message or the end of a snooze changed the conversation. */
  assigneeId?: string
  /** Can be missing for the same reason. */
  labels?: string[]
}

export interface ContactChanged {
  id: string
  name?: string
  profileName?: string
}

/** A customer's file was fetched from the provider, or cannot be. */
export interface MediaFetched {
  mediaId: string
  messageId: string
  channelId: string
  state: Open<'ready' | 'failed'>
  mimeType?: string
  filename?: string
  size?: number
  sha256?: string
  /** A sentence, with `failed`. */
  error?: string
}

/** A channel was changed in Linktor. */
export interface ChannelChanged {
  channelId: string
  channelType: string
  name: string
  change: Open<'created' | 'updated' | 'enabled' | 'disabled' | 'paused' | 'resumed' | 'health' | 'deleted'>
  enabled: boolean
  pausedReason?: string
  health?: Health | null
}

/** A channel stopped sending by itself, or goes on. */
export interface ChannelPaused {
  channelId: string
  /** `provider`: until somebody acts. `breaker`: the provider does not answer. */
  cause: Open<'provider' | 'breaker'>
  reason?: string
  /** Of `breaker`: when it is tried again. */
  until?: string
}

/** A limit of a channel was raised or lowered. */
export interface ChannelLimit {
  channelId: string
  limit: Open<'tier' | 'throughput'>
  /** Of a tier: provider, operator, check; of the throughput: throttled, recovered. */
  reason: Open<'provider' | 'operator' | 'check' | 'throttled' | 'recovered'>
  /** Of a tier. */
  name?: string
  /** Of a tier people in 24 hours (0: not known, -1: unlimited), of the throughput messages a second. */
  value: number
  previous: number
}

type Address = Pick<ContactIdentity, 'kind' | 'value' | 'raw'>

/** Something else that a provider announced. */
export interface ProviderChange {
  channelId: string
  channelType: string
  /** The provider's name for it. Absent, like `timestamp`, when your own call changed a template. */
  field?: string
  /** The provider's time, ours if it gave none. */
  timestamp?: string
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
  identity?: { old: Address; new: Address }
  /** A customer stopped, or resumed, a kind of message. */
  optout?: { party: { identities: Address[]; name?: string }; category: string; stopped: boolean }
  /** With `identity` and `optout`. */
  contactId?: string
  /** As received. Do not build on it. */
  raw?: unknown
  [member: string]: unknown
}

/** The data of each type of event that this version knows. */
export interface EventData {
  'message.received': MessageReceived
  'message.created': MessageCreated
  'message.status': MessageStatusChanged
  'message.waiting': MessageWaiting
  'conversation.created': ConversationChanged
  'conversation.updated': ConversationChanged
  'contact.created': ContactChanged
  'contact.updated': ContactChanged
  'contact.preference': ProviderChange
  'contact.identity': ProviderChange
  'media.ready': MediaFetched
  'media.failed': MediaFetched
  'template.status': ProviderChange
  'template.quality': ProviderChange
  'template.category': ProviderChange
  'template.components': ProviderChange
  'channel.quality': ProviderChange
  'channel.tier': ProviderChange
  'channel.alert': ProviderChange
  'channel.account': ProviderChange
  'channel.status': ChannelChanged
  'channel.paused': ChannelPaused
  'channel.resumed': ChannelPaused
  'channel.limit': ChannelLimit
  'call.event': ProviderChange
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
  'message.waiting': true,
  'conversation.created': true,
  'conversation.updated': true,
  'contact.created': true,
  'contact.updated': true,
  'contact.preference': true,
  'contact.identity': true,
  'media.ready': true,
  'media.failed': true,
  'template.status': true,
  'template.quality': true,
  'template.category': true,
  'template.components': true,
  'channel.quality': true,
  'channel.tier': true,
  'channel.alert': true,
  'channel.account': true,
  'channel.status': true,
  'channel.paused': true,
  'channel.resumed': true,
  'channel.limit': true,
  'call.event': true,
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
