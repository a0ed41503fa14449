import type { ListParams } from '../core/resource.js'
import type { Open } from './message.js'

/** One configured account at a provider. */
export interface Channel {
  id: string
  type: string
  name: string
  enabled: boolean
  /** As saved; secrets read `{ set: true }`. */
  settings: Record<string, unknown>
  /** The address to give to the provider; shown to those who may manage channels. */
  webhookUrl?: string
  verifyToken?: string
  onUncertain: Open<'auto' | 'resend' | 'never' | 'manual'>
  throughputPerSecond: number
  /** Channels of one share their messaging tier. */
  portfolioId?: string
  /** The table of tiers: see `channels.limits`. */
  tierPreset?: string
  /** What becomes of a message that would exceed the tier. */
  tierPolicy?: Open<'wait' | 'reject'>
  health?: Health | null
  pausedReason?: string
  createdAt: string
  updatedAt: string
}

/** What the provider says about an account. */
export interface Health {
  ok: boolean
  /** What is wrong and what to do, in sentences. */
  problems?: string[]
  details?: Record<string, string>
}

export interface ChannelCreate {
  type: string
  name: string
  settings: Record<string, unknown>
  /** Defaults to true. */
  enabled?: boolean
  onUncertain?: 'auto' | 'resend' | 'never' | 'manual'
  /** 0 means the type's default. */
  throughputPerSecond?: number
}

export interface ChannelUpdate {
  name?: string
  /** Merged: what is absent stays, null removes. */
  settings?: Record<string, unknown>
  enabled?: boolean
  onUncertain?: 'auto' | 'resend' | 'never' | 'manual'
  throughputPerSecond?: number
  /** Of the table, such as TIER_1K; empty: not known. */
  tier?: string
  tierPreset?: string
  tierPolicy?: 'wait' | 'reject'
  /** Empty: this channel alone. */
  portfolioId?: string
}

export interface ChannelListParams extends ListParams {
  type?: string
}

/** What a channel type is, needs and can do. */
export interface ChannelType {
  type: string
  name: string
  summary: string
  docsUrl?: string
  settings: ChannelSetting[]
  identity: string
  webhook: { signed: boolean; handshake: boolean; retries: boolean }
  contents: string[]
  interactive?: string[]
  windowSeconds: number
  throughputPerSecond: number
  maxWebhookBytes: number
  limits?: { field: string; max: number; unit: string }[]
  defaultValiditySeconds: number
}

export interface ChannelSetting {
  key: string
  label: string
  help?: string
  kind: Open<'text' | 'secret' | 'url' | 'number' | 'boolean' | 'choice' | 'list' | 'map'>
  choices?: string[]
  default?: unknown
  required?: boolean
  generate?: boolean
  /** It names the account: one channel has it. */
  unique?: boolean
}

export interface Template {
  id: string
  channelId: string
  providerId?: string
  name: string
  language: string
  category: Open<'MARKETING' | 'UTILITY' | 'AUTHENTICATION'>
  status: Open<'APPROVED' | 'PENDING' | 'REJECTED' | 'PAUSED' | 'DISABLED'>
  quality?: string
  rejectedReason?: string
  parameterFormat?: Open<'POSITIONAL' | 'NAMED'>
  ttlSeconds?: number
  /** The provider's definition. */
  components: unknown[]
  createdAt?: string
  updatedAt?: string
  /** When the provider's list last named it. */
  syncedAt?: string
}

/** What a look at the provider's list changed here. */
export interface TemplateSync {
  added: number
  changed: number
  removed: number
  total: number
}

export interface TemplateListParams extends ListParams {
  channelId: string
  name?: string
  language?: string
  status?: string
  category?: string
}

/** Names one template. */
export interface TemplateRef {
  channelId: string
  templateId: string
}

export interface TemplateCreate {
  channelId: string
  name: string
  language: string
  category: Template['category']
  components: unknown[]
  parameterFormat?: 'POSITIONAL' | 'NAMED'
  ttlSeconds?: number
}

export interface TemplateUpdate {
  category?: Template['category']
  components?: unknown[]
  ttlSeconds?: number
}

export interface StoredMedia {
  id: string
  mimeType: string
  filename?: string
  /** Bytes. */
  size: number
  /** In hex. */
  sha256?: string
  state: Open<'pending' | 'ready' | 'failed'>
  /** Works for a while; get the media again for a fresh one. */
  url?: string
  /** The inbound message that it came with. */
  messageId?: string
  /** Why it could not be fetched. */
  error?: string
  createdAt: string
}

/** One webhook body of a provider, as received. */
export interface JournalEntry {
  id: string
  channelId: string
  state: Open<'applied' | 'partial' | 'failed'>
  /** Items that could not be applied; item -1 is the whole body. */
  problems?: { item: number; reason: string }[]
  headers?: Record<string, string>
  /** Only from `get`. */
  body?: string
  /** Only from `get`, if the body is not text. */
  bodyBase64?: string
  size?: number
  /** Of the body, in hex. */
  sha256?: string
  /** Only the beginning of the body is kept. */
  truncated?: boolean
  /** Items in the body. */
  events?: number
  deliveries?: number
  receivedAt: string
  /** When it last came. */
  lastAt?: string
  appliedAt?: string | null
  tookMs?: number
  /** Where the events are that it led to; events of others can lie between them. */
  produced?: { events: number; firstSeq?: number; lastSeq?: number }
  /** Only from `replay`: whether it led to events. */
  changed?: boolean
}

type JournalState = Open<'applied' | 'partial' | 'failed'>

export interface JournalListParams extends ListParams {
  channelId?: string
  state?: JournalState | readonly JournalState[]
  /** Stored at this time (ISO 8601) or later. */
  from?: string
  /** Stored before this time. */
  to?: string
  /** Of the body, in hex. */
  sha256?: string
  /** A message, by our id or the provider's: the bodies that it and its statuses came in. */
  messageId?: string
}

export interface JournalReplayParams {
  channelId?: string
  /** A list, or a string of states separated by commas. */
  state?: string | readonly JournalState[]
  from?: string
  to?: string
  /** Bodies of one call, at most 500. */
  limit?: number
  /** `next` of the answer before. */
  after?: string
}

/** What one step of a replay did. */
export interface JournalReplay {
  replayed: number
  /** Those that led to events; of the others everything was known. */
  changed: number
  failed: number
  /** Those of which only the beginning is kept. */
  skipped: number
  problems: { id: string; reason: string }[]
  /** Call again with `next` as `after`. */
  hasMore: boolean
  next?: string
}

/** Every limit of a channel and what waits for it. */
export interface ChannelLimits {
  throughput: {
    /** Messages per second, as configured. */
    limit: number
    /** The present rate: lower after the provider complained. */
    rate: number
    /** Of what may go out at once. */
    used: number
    remaining: number
    resetsAt?: string
    /** The provider asked to wait. */
    throttledUntil?: string
  }
  /** To one recipient; a limit of 0 means none. */
  pair: { limit: number; everySeconds: number; recipientsHeld: number; resetsAt?: string }
  tier: {
    scope: Open<'channel' | 'portfolio'>
    preset: string
    policy: Open<'wait' | 'reject'>
    name?: string
    /** People written to first in 24 hours; 0: not known, -1: unlimited. */
    limit: number
    used: number
    /** Absent if nothing is limited. */
    remaining?: number
    /** When the next place is free. */
    resetsAt?: string
    source?: Open<'provider' | 'operator' | 'check'>
  }
  /** Absent while nothing is held back. */
  marketing?: { until?: string; persons: number }
  /** Those that the provider paused or disabled. */
  templates: { name: string; language: string; status: string; until?: string }[]
  breaker: { state: Open<'closed' | 'open' | 'probing'>; until?: string; reason?: string; opens?: number }
  tierPresets: {
    name: string
    title: string
    scope: string
    /** Recipients of -1: unlimited. */
    tiers: { name: string; recipients: number; requirements: string }[]
  }[]
  /** Messages that are not sent yet. */
  queued: number
  /** Those that have waited for more than a moment; `messageIds` are a few of them. */
  waiting: { reason: string; count: number; until?: string; messageIds: string[] }[]
}
