import { AuthenticationError, PermissionError, RealtimeError } from '../errors.js'
import { jitter, wait } from '../core/wait.js'
import type { Envelope, EventData, EventType, LinktorEvent } from '../types/event.js'
import { Emitter } from './emitter.js'
import { Position } from './position.js'
import { Close, isFinal, type EventFrame, type ReadyFrame, type ServerFrame, type Subscription } from './protocol.js'
import { Queue } from './queue.js'
import { Session, type Ending } from './session.js'
import type { WebSocketConstructor } from './socket.js'

export interface GapNotice {
  /** The first and the last number that did not come. */
  from: number
  to: number
  /** They are being asked for again; otherwise the log no longer gives them. */
  recovering: boolean
}

export interface ResetNotice {
  /** retention: the log no longer has them; epoch: it is another log; cursor: the cursor was refused. */
  reason: string
  from?: number
  to?: number
}

export interface CloseNotice {
  code: number
  reason: string
  willReconnect: boolean
}

/** What a connection tells about itself. */
export interface ConnectionEvents {
  /** Every event, whatever its type. */
  event: (event: LinktorEvent) => void
  open: (ready: ReadyFrame) => void
  close: (notice: CloseNotice) => void
  /** Events are missing, or were for a moment. */
  gap: (notice: GapNotice) => void
  /** Events are missing for good: read the current state from the REST API. */
  reset: (notice: ResetNotice) => void
  /** The connection ended for good. */
  error: (error: Error) => void
}

export interface ConnectionOptions {
  WebSocket: WebSocketConstructor
  url: string
  ticket: () => Promise<string>
  cursor: string | undefined
  subscribe: Subscription[]
  client: string
  bufferSize: number
  signal: AbortSignal | undefined
}

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 30_000
/** What `on` knows besides events. */
const NOTICES = new Set(['open', 'close', 'gap', 'reset', 'error'])

interface Item {
  event: LinktorEvent
  cursor: string | undefined
}

/** A stream of events that reconnects by itself and goes on where it was. */
export class RealtimeConnection implements AsyncIterable<LinktorEvent> {
  readonly #options: ConnectionOptions
  readonly #emitter = new Emitter()
  readonly #queue: Queue<Item>
  readonly #position: Position
  readonly #stop = new AbortController()
  #cursor: string | undefined
  #iterated = false
  #listened = false // to events, not only to the connection itself
  #healedAt = -2 // the position at which a gap was last asked for again

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#queue = new Queue(options.bufferSize)
    this.#position = new Position(options.cursor)
    this.#cursor = options.cursor
    const { signal } = options
    if (signal?.aborted) this.close()
    signal?.addEventListener('abort', () => this.close(), { once: true })
    // Later than the caller's first `on`, so that nothing is missed.
    queueMicrotask(() => void this.#run())
  }

  /** Behind the last event that you were given. Keep it, and pass it to `connect` to go on there. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** Listens to events of a type (with data and envelope) or to the connection itself. */
  on<T extends EventType>(type: T, listener: (data: EventData[T], event: Envelope<T, EventData[T]>) => void): this
  on<T extends keyof ConnectionEvents>(type: T, listener: ConnectionEvents[T]): this
  on(type: string & {}, listener: (data: unknown, event: LinktorEvent) => void): this
  on(type: string, listener: (...args: never[]) => void): this {
    this.#emitter.add(type, listener)
    this.#listened ||= !NOTICES.has(type)
    return this
  }

  off(type: string, listener: (...args: never[]) => void): this {
    this.#emitter.remove(type, listener)
    return this
  }

  /** Ends the connection. Loops over it end after the events they already hold. */
  close(): void {
    this.#stop.abort()
  }

  /** All events, one by one. A slow loop holds the stream back; it loses nothing. */
  [Symbol.asyncIterator](): AsyncIterator<LinktorEvent> {
    if (this.#iterated) throw new TypeError('a connection can be iterated once')
    this.#iterated = true
    return {
      next: async () => {
        const result = await this.#queue.next()
        if (result.done) return { done: true, value: undefined }
        this.#cursor = result.value.cursor
        return { done: false, value: result.value.event }
      },
      return: () => {
        this.close()
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }

  async #run(): Promise<void> {
    let failures = 0
    try {
      while (!this.#stop.signal.aborted) {
        await this.#queue.room()
        const ending = await this.#live()
        if (this.#stop.signal.aborted) break
        if (isFinal(ending.code)) throw new RealtimeError(ending.code, `realtime: ${ending.reason}`)
        if (ending.code === Close.badCursor && this.#position.cursor !== undefined) this.#forget()
        this.#emitter.emit('close', { code: ending.code, reason: ending.reason, willReconnect: true })
        if (ending.stable) failures = 0
        const delay = ending.afterMs ?? jitter(failures++, FIRST_DELAY_MS, MAX_DELAY_MS)
        await wait(delay, this.#stop.signal).catch(() => {}) // closed meanwhile: the loop ends
      }
      this.#finish()
    } catch (error) {
      this.#fail(error instanceof Error ? error : new RealtimeError(0, String(error)))
    }
  }

  /** One socket. A refused ticket is final; any other trouble is an ending like others. */
  async #live(): Promise<Ending> {
    const { WebSocket, url, ticket, subscribe, client } = this.#options
    const session = new Session({
      WebSocket, url, ticket, subscribe, client,
      resume: this.#position.cursor,
      signal: this.#stop.signal,
      onFrame: (frame) => this.#frame(frame),
    })
    try {
      return await session.run()
    } catch (error) {
      if (error instanceof AuthenticationError || error instanceof PermissionError) throw error
      return { code: 0, reason: error instanceof Error ? error.message : String(error), stable: false }
    }
  }

  #frame(frame: ServerFrame): Omit<Ending, 'stable'> | undefined {
    switch (frame.op) {
      case 'ready':
        this.#position.advance(frame.cursor)
        this.#cursor ??= this.#position.cursor
        this.#emitter.emit('open', frame)
        return undefined
      case 'event':
        return this.#event(frame)
      case 'mark':
        this.#position.advance(frame.cursor)
        this.#hand(this.#position.cursor)
        return undefined
      case 'reset':
        this.#position.reset(frame.cursor)
        this.#hand(this.#position.cursor)
        this.#emitter.emit('reset', { reason: frame.reason, from: frame.from, to: frame.to })
        return undefined
      case 'reconnect':
        return { code: 4012, reason: 'the server asked to reconnect', afterMs: frame.afterMs }
      default:
        return undefined
    }
  }

  #event(frame: EventFrame): Omit<Ending, 'stable'> | undefined {
    const verdict = this.#position.judge(frame)
    if (verdict === 'duplicate') return undefined
    if (verdict === 'gap') {
      const seq = this.#position.seq
      const recovering = this.#healedAt !== seq
      this.#healedAt = seq
      this.#emitter.emit('gap', { from: seq + 1, to: frame.prev, recovering })
      if (recovering) return { code: 0, reason: 'events are missing', afterMs: 0 }
    }
    this.#position.take(frame.seq)
    this.#deliver(frame.event)
    // The server keeps the rest until the loop has caught up.
    return this.#queue.full ? { code: Close.normal, reason: 'the consumer is behind', afterMs: 0 } : undefined
  }

  #deliver(event: LinktorEvent): void {
    const { cursor } = this.#position
    const { type } = event
    // While nobody listens, a loop may be about to start.
    if (this.#iterated || !this.#listened) this.#queue.push({ event, cursor })
    else this.#cursor = cursor
    this.#emitter.emit(type, event.data, event)
    this.#emitter.emit('event', event)
  }

  /** Moves the caller's cursor over events that were not selected. */
  #hand(cursor: string | undefined): void {
    const { last } = this.#queue
    if (last) last.cursor = cursor
    else this.#cursor = cursor
  }

  #forget(): void {
    this.#position.reset(undefined)
    this.#emitter.emit('reset', { reason: 'cursor' })
  }

  #finish(): void {
    this.#emitter.emit('close', { code: Close.normal, reason: 'closed by the caller', willReconnect: false })
    this.#queue.end()
  }

  #fail(error: Error): void {
    this.#stop.abort()
    const code = error instanceof RealtimeError ? error.code : 0
    this.#emitter.emit('close', { code, reason: error.message, willReconnect: false })
    this.#queue.end(error)
    if (this.#emitter.has('error')) this.#emitter.emit('error', error)
    // Neither a listener nor a loop would learn of it: make it an unhandled rejection.
    else if (!this.#iterated) void Promise.reject(error)
  }
}
