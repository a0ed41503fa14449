import type { Content, OutboundContent } from './content.js'
import type { ListParams } from '../core/resource.js'

/** A string that has known values and can have new ones. */
export type Open<Known extends string> = Known | (string & {})

export type MessageStatus = Open<
  | 'received'
  | 'scheduled'
  | 'queued'
  | 'sending'
  | 'uncertain'
  | 'sent'
  | 'delivered'
  | 'read'
  | 'failed'
  | 'rejected'
  | 'expired'
  | 'cancelled'
>

/** Why a message failed, in the provider's code and in ours. */
export interface MessageError {
  /** Whether it is final and why, e.g. rejected, recipient, template, throttled. */
  class?: string
  /** The provider's code, verbatim, e.g. "131047". */
  code: string
  title?: string
  /** What to do about it. */
  action?: string
  detail?: string
}

export interface Pricing {
  billable: boolean
  model?: string
  type?: string
  category?: string
}

/** What a message refers to, as the provider says it. */
export interface MessageContext {
  messageId?: string
  from?: string
  forwarded?: boolean
  frequentlyForwarded?: boolean
  catalogId?: string
  productId?: string
}

/** The advertisement or post that brought the customer. */
export interface Referral {
  sourceUrl?: string
  sourceType?: string
  sourceId?: string
  headline?: string
  body?: string
  mediaType?: string
  imageUrl?: string
  videoUrl?: string
  thumbnailUrl?: string
  clickId?: string
  welcome?: string
}

export interface Author {
  type: Open<'api_key' | 'user' | 'bot' | 'phone'>
  id?: string
}

export interface Message {
  id: string
  channelId: string
  channelType: Open<'whatsapp' | 'link'>
  conversationId: string
  contactId: string
  direction: 'inbound' | 'outbound'
  status: MessageStatus
  /** The type of the content. */
  type: string
  from?: string
  to?: string
  content: Content
  /** The provider's time, ours if it gave none. */
  timestamp: string
  createdAt: string
  updatedAt: string
  sentAt?: string
  deliveredAt?: string
  readAt?: string
  failedAt?: string
  deletedAt?: string
  validUntil?: string
  /** Our id of the message quoted. */
  replyTo?: string
  context?: MessageContext
  referral?: Referral
  /** Yours, from `send`. */
  reference?: string
  attempt?: number
  /** It was resent although an earlier attempt may have arrived. */
  possibleDuplicate?: boolean
  /** The provider will report no more about it. */
  trackingLost?: boolean
  error?: MessageError
  pricing?: Pricing
  /** Why it is not being sent right now, and until when. */
  waiting?: { reason: string; until?: string; limit?: number; used?: number }
  author?: Author
  groupId?: string
  /** Of a template. */
  category?: string
  metadata: Record<string, string>
}

export interface Attempt {
  attempt: number
  startedAt: string
  finishedAt?: string
  outcome?: string
  code?: string
  title?: string
  detail?: string
  httpStatus?: number
  providerId?: string
  node?: string
}

export interface StatusReport {
  status: string
  /** The provider's word or code, verbatim. */
  provider: string
  providerAt?: string
  receivedAt: string
  /** Whether it changed the message. */
  applied: boolean
  error?: MessageError
  pricing?: Pricing
  journalId?: string
}

/** A message with everything that happened to it. */
export interface MessageDetail extends Message {
  timeline: {
    request?: { requestId?: string; author?: Author; acceptedAt?: string }
    attempts: Attempt[]
    statuses: StatusReport[]
    /** Ids of the webhook bodies that concern it. */
    journal: string[]
  }
}

export interface SendParams {
  channelId: string
  /** E.164 phone number, or a business-scoped user id. */
  to: string
  content: OutboundContent
  /** Quotes this message: ours (`msg_…`) or the provider's id. */
  replyTo?: string
  /** Anything of yours; it comes back in the message and its events. */
  reference?: string
  /** Not delivered by then, it expires. */
  validForSeconds?: number
  /** What to do when nobody knows whether the provider got it. */
  onUncertain?: 'auto' | 'resend' | 'never' | 'manual'
  /** Wishes that only one provider knows, such as LINK's priority. */
  options?: Record<string, unknown>
}

export interface MessageListParams extends ListParams {
  channelId?: string
  conversationId?: string
  contactId?: string
  direction?: 'inbound' | 'outbound'
  status?: MessageStatus | readonly MessageStatus[]
  reference?: string
}
