import { Close, parseFrame, PROTOCOL, type ServerFrame, type Subscription } from './protocol.js'
import type { WebSocketConstructor, WebSocketLike } from './socket.js'

/** How one socket's life ended. */
export interface Ending {
  /** The close code; 0 if the connection broke without one. */
  code: number
  reason: string
  /** How long the server, or we, want to wait before the next connection. */
  afterMs?: number
  /** It was ready for long enough to trust that the next one will be, too. */
  stable: boolean
}

export interface SessionOptions {
  WebSocket: WebSocketConstructor
  url: string
  /** A fresh single-use ticket; undefined where the handshake authenticates. */
  ticket: () => Promise<string>
  resume: string | undefined
  subscribe: Subscription[]
  client: string
  signal: AbortSignal
  /** Sees each frame; an ending that it returns is carried out. */
  onFrame: (frame: ServerFrame) => Omit<Ending, 'stable'> | undefined
}

/** Milliseconds from the start to `ready`. */
const OPEN_TIMEOUT_MS = 15_000
/** Milliseconds after which a connection counts as stable. */
const STABLE_MS = 5_000
/** Tickets live 30 s; one this old, say after a laptop slept, is not used. */
const TICKET_AGE_MS = 20_000

/** Lives one socket: ticket, hello, frames, heartbeat, close. */
export class Session {
  readonly #options: SessionOptions
  readonly #ended: Promise<Ending>
  #resolve: (ending: Ending) => void = () => {}
  #socket: WebSocketLike | undefined
  #over = false
  #readyAt = 0
  #seenAt = Date.now()
  #slow: ReturnType<typeof setTimeout> | undefined
  #watchdog: ReturnType<typeof setInterval> | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#ended = new Promise((resolve) => (this.#resolve = resolve))
  }

  /** Runs until the end. Throws only what `ticket` throws. */
  async run(): Promise<Ending> {
    const { signal } = this.#options
    const stop = () => this.#end({ code: Close.normal, reason: 'closed by the caller' })
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    this.#slow = setTimeout(() => this.#end({ code: 0, reason: 'not ready in time' }), OPEN_TIMEOUT_MS)
    try {
      const ticket = { value: await this.#options.ticket(), at: Date.now() }
      if (!this.#over) this.#open(ticket)
      return await this.#ended
    } finally {
      clearTimeout(this.#slow)
      clearInterval(this.#watchdog)
      signal.removeEventListener('abort', stop)
    }
  }

  #open(ticket: { value: string; at: number }): void {
    const socket = new this.#options.WebSocket(this.#options.url, PROTOCOL)
    this.#socket = socket
    socket.addEventListener('open', () => void this.#hello(socket, ticket))
    socket.addEventListener('message', (event) => this.#receive(event.data))
    socket.addEventListener('error', () => {
      // A close event follows and says more.
    })
    socket.addEventListener('close', ({ code, reason }) => {
      this.#end({ code: code === undefined || code === 1005 || code === 1006 ? 0 : code, reason: reason || 'connection lost' })
    })
  }

  async #hello(socket: WebSocketLike, ticket: { value: string; at: number }): Promise<void> {
    const { resume, subscribe, client } = this.#options
    try {
      const fresh = Date.now() - ticket.at < TICKET_AGE_MS ? ticket.value : await this.#options.ticket()
      if (this.#over) return
      socket.send(JSON.stringify({ op: 'hello', ticket: fresh, resume, subscribe: subscribe.length ? subscribe : undefined, client }))
    } catch {
      this.#end({ code: 0, reason: 'no ticket' }) // the next session asks again, and reports a refusal
    }
  }

  #receive(data: unknown): void {
    if (this.#over) return
    this.#seenAt = Date.now()
    const frame = parseFrame(data)
    if (!frame) return
    if (frame.op === 'ready') {
      this.#readyAt = Date.now()
      clearTimeout(this.#slow)
      this.#watch(frame.heartbeatMs)
    }
    const ending = this.#options.onFrame(frame)
    if (ending) this.#end(ending)
  }

  /** Asks when it is quiet for one heartbeat; gives up after two. */
  #watch(heartbeatMs: number): void {
    clearInterval(this.#watchdog)
    this.#watchdog = setInterval(() => {
      const quiet = Date.now() - this.#seenAt
      if (quiet >= 2 * heartbeatMs) this.#end({ code: Close.heartbeat, reason: 'the server went quiet' })
      else if (quiet >= heartbeatMs) this.#socket?.send(JSON.stringify({ op: 'ping' }))
    }, heartbeatMs / 2)
  }

  #end(ending: Omit<Ending, 'stable'>): void {
    if (this.#over) return
    this.#over = true
    const stable = this.#readyAt > 0 && Date.now() - this.#readyAt >= STABLE_MS
    this.#resolve({ ...ending, stable })
    try {
      this.#socket?.close(Close.normal)
    } catch {
      // A socket that is still connecting may refuse; it is forgotten anyway.
    }
  }
}
