import { APIError } from '../errors.js'
import type { Query, Transport } from '../core/http.js'
import { Close, type Subscription } from './protocol.js'
import type { SocketEvent, WebSocketConstructor, WebSocketLike } from './socket.js'

interface Hello {
  op: string
  resume?: string
  subscribe?: Subscription[]
}

/** One Server-Sent Event; a comment that moves the id has no data. */
interface Sent {
  id: string
  name: string
  data: string
}

/**
 * Where there is no WebSocket, the same frames are read from the log's other
 * form, GET /api/v1/events/stream. It has no way back, so it carries one
 * selection, made when it is opened.
 */
export function streamSocket(http: Transport): WebSocketConstructor {
  return class StreamSocket implements WebSocketLike {
    readonly #listeners: [string, (event: SocketEvent) => void][] = []
    readonly #stop = new AbortController()
    #seq = 0

    constructor(_url: string) {
      queueMicrotask(() => this.#tell({ type: 'open' }))
    }

    addEventListener(type: string, listener: (event: SocketEvent) => void): void {
      this.#listeners.push([type, listener])
    }

    send(data: string): void {
      const hello = JSON.parse(data) as Hello // our own session wrote it
      if (hello.op === 'hello') void this.#read(hello)
    }

    close(): void {
      this.#stop.abort()
    }

    #tell(event: SocketEvent): void {
      for (const [type, listener] of this.#listeners) if (type === event.type) listener(event)
    }

    async #read({ resume, subscribe }: Hello): Promise<void> {
      const { types, channelId, conversationId } = subscribe?.[0] ?? {}
      const query: Query = { after: resume, types, channelId, conversationId }
      try {
        const body = await http.open('/api/v1/events/stream', query, this.#stop.signal)
        for await (const sent of parse(body)) {
          const ending = this.#deliver(sent)
          if (ending) return this.#tell(ending)
        }
        this.#tell({ type: 'close', reason: 'the stream ended' })
      } catch (error) {
        this.#tell(closing(error))
      } finally {
        this.#stop.abort()
      }
    }

    /** Turns an event into the frame that a socket would have carried. */
    #deliver({ id, name, data }: Sent): SocketEvent | undefined {
      const seq = Number(id.slice(id.lastIndexOf('.') + 1))
      const prev = this.#seq
      if (id !== '') this.#seq = seq
      if (name === 'close') return { ...(JSON.parse(data) as { code: number; reason: string }), type: 'close' }
      let frame = data
      // A stream cannot lose what it carries: the event before is the one we had.
      if (name === '') frame = `{"op":"event","seq":${seq},"prev":${prev},"event":${data}}`
      if (name === 'mark') frame = JSON.stringify({ op: 'mark', seq, cursor: id })
      this.#tell({ type: 'message', data: frame })
      return undefined
    }
  }
}

/** What a socket would have closed with. */
function closing(error: unknown): SocketEvent {
  const reason = error instanceof Error ? error.message : String(error)
  let code = 1006
  if (error instanceof APIError) {
    if (error.status === 401) code = Close.unauthenticated
    if (error.status === 403) code = Close.forbidden
    if (error.code === 'invalid_cursor') code = Close.badCursor
  }
  return { type: 'close', code, reason }
}

/** Reads Server-Sent Events. Source: WHATWG HTML, 9.2.6 "Interpreting an event stream". */
async function* parse(body: ReadableStream<Uint8Array>): AsyncGenerator<Sent> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let rest = ''
  let event: { id?: string; name: string; data?: string } = { name: '' }
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (event.data !== undefined) yield { id: event.id ?? '', name: event.name, data: event.data }
        else if (event.id !== undefined) yield { id: event.id, name: 'mark', data: '' }
        event = { name: '' }
      } else if (line.startsWith('id: ')) event.id = line.slice(4)
      else if (line.startsWith('event: ')) event.name = line.slice(7)
      else if (line.startsWith('data: ')) event.data = event.data === undefined ? line.slice(6) : `${event.data}\n${line.slice(6)}`
    }
  }
}
