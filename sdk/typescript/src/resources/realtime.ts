import type { Transport } from '../core/http.js'
import { LinktorError } from '../errors.js'
import { RealtimeConnection } from '../realtime/connection.js'
import type { Subscription } from '../realtime/protocol.js'
import type { WebSocketConstructor } from '../realtime/socket.js'
import { streamSocket } from '../realtime/stream.js'
import { VERSION } from '../version.js'

export interface ConnectOptions {
  /** Names, prefixes such as `message.*`; all if absent. */
  types?: readonly string[]
  channelId?: string
  conversationId?: string
  /** Several selections at once, instead of the three above. */
  subscribe?: Subscription[]
  /** Go on behind this; from now on if absent. */
  cursor?: string
  /** Where a browser without an API key gets its single-use tickets: your own server. */
  ticket?: () => Promise<string>
  /** Events held for a slow `for await` before the stream is paused. Defaults to 1,000. */
  bufferSize?: number
  signal?: AbortSignal
}

export interface Ticket {
  ticket: string
  /** Seconds. */
  expiresIn: number
}

export class Realtime {
  readonly #http: Transport
  readonly #WebSocket: WebSocketConstructor | undefined

  constructor(http: Transport, WebSocket: WebSocketConstructor | undefined) {
    this.#http = http
    this.#WebSocket = WebSocket
  }

  /**
   * Opens the stream of events. It reconnects and resumes until you close it.
   * In a runtime without WebSocket it reads the same events from an HTTP stream.
   */
  connect(options: ConnectOptions = {}): RealtimeConnection {
    const WebSocket = this.#WebSocket ?? globalThis.WebSocket
    const { types, channelId, conversationId } = options
    const single: Subscription[] = types || channelId || conversationId ? [{ types, channelId, conversationId }] : []
    if (!WebSocket && (options.ticket || (options.subscribe?.length ?? 0) > 1)) {
      throw new LinktorError(
        "this runtime has no WebSocket: npm install ws, then new Linktor({ WebSocket }) with import { WebSocket } from 'ws'",
      )
    }
    const ticket = options.ticket ?? (async () => (await this.createTicket()).ticket)
    return new RealtimeConnection({
      WebSocket: WebSocket ?? streamSocket(this.#http),
      url: `${this.#http.baseUrl.replace(/^http/, 'ws')}/api/v1/realtime`,
      ticket: WebSocket ? ticket : () => Promise.resolve(''), // a stream authenticates by its header
      cursor: options.cursor,
      subscribe: (options.subscribe ?? single).map((s, i) => ({ ...s, id: s.id ?? `s${i + 1}` })),
      client: `typescript/${VERSION}`,
      bufferSize: options.bufferSize ?? 1000,
      signal: options.signal,
    })
  }

  /** A single-use ticket, for a browser that must not hold the API key. */
  createTicket(): Promise<Ticket> {
    return this.#http.json({ method: 'POST', path: '/api/v1/realtime/tickets', body: {}, unkeyed: true })
  }
}
