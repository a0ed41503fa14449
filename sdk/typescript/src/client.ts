import { Transport, type Fetch } from './core/http.js'
import { LinktorError } from './errors.js'
import type { WebSocketConstructor } from './realtime/socket.js'
import { Channels } from './resources/channels.js'
import { Contacts } from './resources/contacts.js'
import { Conversations } from './resources/conversations.js'
import { DeadLetters } from './resources/deadletters.js'
import { Events } from './resources/events.js'
import { Journal } from './resources/journal.js'
import { Media } from './resources/media.js'
import { Messages } from './resources/messages.js'
import { Realtime } from './resources/realtime.js'
import { Templates, WhatsApp } from './resources/templates.js'
import { VERSION } from './version.js'
import { Webhooks } from './webhooks.js'

export interface LinktorOptions {
  /** Defaults to the environment's LINKTOR_API_KEY. */
  apiKey?: string
  /** Defaults to the environment's LINKTOR_BASE_URL, then http://127.0.0.1:8080. */
  baseUrl?: string
  /** Defaults to the runtime's. */
  fetch?: Fetch
  /** Defaults to the runtime's; Node 20 has none: pass the `ws` package's, or leave it to an HTTP stream. */
  WebSocket?: WebSocketConstructor
  /** Repeats after the first attempt. Defaults to 2. */
  maxRetries?: number
  /** Milliseconds per attempt. Defaults to 30,000. */
  timeout?: number
  /** Sent with every request. */
  headers?: Record<string, string>
}

/** The Linktor API. */
export class Linktor {
  readonly messages: Messages
  readonly deadLetters: DeadLetters
  readonly conversations: Conversations
  readonly contacts: Contacts
  readonly channels: Channels
  readonly templates: Templates
  readonly whatsapp: WhatsApp
  readonly media: Media
  readonly journal: Journal
  readonly events: Events
  readonly realtime: Realtime
  readonly webhooks: Webhooks

  constructor(options: LinktorOptions = {}) {
    const apiKey = options.apiKey ?? environment('LINKTOR_API_KEY')
    if (!apiKey) throw new LinktorError('an API key is needed: new Linktor({ apiKey }) or LINKTOR_API_KEY')
    const baseUrl = options.baseUrl ?? environment('LINKTOR_BASE_URL') ?? 'http://127.0.0.1:8080'
    if (!/^https?:\/\//.test(baseUrl)) throw new LinktorError('baseUrl begins with http:// or https://')
    const http = new Transport({
      apiKey,
      baseUrl: baseUrl.replace(/\/+$/, ''),
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      maxRetries: options.maxRetries ?? 2,
      timeout: options.timeout ?? 30_000,
      headers: { 'x-linktor-client': `typescript/${VERSION}`, ...options.headers },
    })
    this.messages = new Messages(http)
    this.deadLetters = new DeadLetters(http)
    this.conversations = new Conversations(http)
    this.contacts = new Contacts(http)
    this.channels = new Channels(http)
    this.templates = new Templates(http)
    this.whatsapp = new WhatsApp(this.templates)
    this.media = new Media(http)
    this.journal = new Journal(http)
    this.events = new Events(http)
    this.realtime = new Realtime(http, options.WebSocket)
    this.webhooks = new Webhooks()
  }
}

/** Browsers and workers have no process. */
function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } }
  return process?.env?.[name] || undefined
}
