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
  /** The provider's id of the message quoted; ours is in `replyTo`. */
  providerMessageId?: string
  /** The same, under its older name. */
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

/** Why a message is not being sent right now. */
export interface Waiting {
  reason: Open<
    | 'scheduled'
    | 'retry'
    | 'throughput'
    | 'throttled'
    | 'pair_limit'
    | 'tier_limit'
    | 'template_paused'
    | 'template_pacing'
    | 'marketing_limit'
    | 'channel_paused'
    | 'channel_disabled'
    | 'breaker_open'
    | 'slow_calls'
    | 'order'
    | 'uncertain'
  >
  /** When it is looked at again; absent: when somebody acts. */
  until?: string
  /** Of the limit that holds it. */
  limit?: number
  used?: number
  /** With `order`: the message that goes first. */
  behind?: string
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
  /** Of a scheduled message. */
  sendAt?: string
  validUntil?: string
  ordering?: Open<'strict' | 'bestEffort'>
  /** Sent instead of `content` if the customer service window is closed. */
  fallbackTemplate?: Content
  /** `fallbackTemplate` was sent, or will be. */
  usedFallback?: boolean
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
  /** The provider took it although it had expired or was cancelled here. */
  lateAcceptance?: boolean
  error?: MessageError
  pricing?: Pricing
  waiting?: Waiting
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
  /** What was sent, if it was the fallback template. */
  content?: Content
  /** Only from `trace`, while it is kept. */
  exchange?: Exchange
  /** The exchange is kept, and its key is gone. */
  exchangeLost?: boolean
}

/** One call to a provider: what was sent and what came back, without secrets. */
export interface Exchange {
  method: string
  url: string
  /** The body, or its beginning. */
  request?: string
  /** Absent: there was no answer. */
  status?: number
  header?: Record<string, string>
  /** The body, or its beginning. */
  response?: string
  error?: string
  tookMs: number
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
  /** Not before this time (ISO 8601), at most 30 days ahead; the validity counts from then. */
  sendAt?: string
  /** Whether later messages to the same contact may pass it if it is held up. */
  ordering?: 'strict' | 'bestEffort'
  /** Of type template: sent instead if the customer service window is closed. */
  fallbackTemplate?: Extract<OutboundContent, { type: 'template' }>
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

/** The answer of `messages.retry`. */
export interface Retried {
  message: Message
  /** The customer may get it twice. */
  possibleDuplicate: boolean
  /** Why that is so, or is not. */
  reason: string
}

/** What became of an uncertain message. */
export interface Settlement {
  outcome: 'sent' | 'failed' | 'resend'
  /** With `sent`, if known: later reports of the provider then find the message. */
  providerMessageId?: string
}

/** A message that ended without being delivered: failed, rejected, expired, or uncertain and waiting for a person. */
export interface DeadLetter {
  message: Message
  endedAt: string
  /** Of the error. */
  class?: string
  /** Of the error, such as 131026 or expired. */
  code?: string
}

interface DeadLetterFilter {
  channelId?: string
  code?: string
  class?: string
  /** Ended at this time (ISO 8601) or later. */
  from?: string
  /** Ended before this time. */
  to?: string
}

export interface DeadLetterListParams extends DeadLetterFilter, ListParams {}

export interface DeadLetterReplayParams extends DeadLetterFilter {
  /** These, and no others; not beside a filter. */
  messageIds?: readonly string[]
  /** Messages of one call, at most 500. */
  limit?: number
  /** `next` of the answer before. */
  after?: string
}

/** What one step of a replay did. */
export interface DeadLetterReplay {
  replayed: number
  /** `reason` is a code, such as window_closed. */
  skipped: { id: string; reason: string }[]
  /** Call again with `next` as `after`, or with `remaining` as `messageIds`. */
  hasMore: boolean
  next?: string
  /** Those of `messageIds` that were not looked at. */
  remaining?: string[]
}

/** The whole story of a message. */
export interface Trace {
  message: Message
  /** In the order of the server's clock. */
  steps: TraceStep[]
  /** `complete` is false if older waits and events are missing. */
  log: { epoch: string; oldestSeq: number; complete: boolean }
}

interface Step<Kind extends string> {
  at: string
  kind: Kind
  /** A sentence for people. */
  summary: string
}

/** One thing that happened: `kind` names the member that it has. */
export type TraceStep =
  | (Step<'request'> & { request: TraceRequest })
  | (Step<'webhook'> & { webhook: TraceWebhook })
  | (Step<'media'> & { media: { id: string; state: string; mimeType?: string; size?: number; sha256?: string; error?: string } })
  | (Step<'wait'> & { wait?: Waiting })
  | (Step<'attempt'> & { attempt: Attempt })
  | (Step<'status'> & { status: StatusReport })
  | (Step<'event'> & { event: TraceEvent })

/** The API call that made the message. */
export interface TraceRequest {
  requestId: string
  author?: Author
  /** While it is remembered. */
  idempotencyKey?: string
  reference?: string
  sendAt?: string
  validUntil?: string
}

/** A body of the provider that told of the message. */
export interface TraceWebhook {
  journalId: string
  state: Open<'applied' | 'partial' | 'failed'>
  /** How many times it came; it was applied once. */
  deliveries: number
  lastAt: string
  tookMs?: number
  produced: { events: number; firstSeq?: number; lastSeq?: number }
}

/** Where a change stands in the log of events. */
export interface TraceEvent {
  id: string
  seq: number
  type: string
  /** Whoever is at this cursor has the event. */
  cursor: string
}
