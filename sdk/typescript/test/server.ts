import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { Linktor, type LinktorOptions } from '../src/index.js'

export interface Seen {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

export interface Answer {
  status?: number
  headers?: Record<string, string>
  body?: unknown
  /** Instead of a JSON body. */
  text?: string
  /** Breaks the connection instead of answering. */
  drop?: boolean
  /** Never answers. */
  hang?: boolean
}

export interface FakeServer {
  url: string
  http: Server
  seen: Seen[]
  client: (options?: LinktorOptions) => Linktor
}

/** A server that answers with what `reply` says and remembers what it was asked. */
export async function fakeServer(t: TestContext, reply: (seen: Seen, n: number) => Answer): Promise<FakeServer> {
  const seen: Seen[] = []
  const http = createServer((req, res) => {
    const parts: Buffer[] = []
    req.on('data', (part: Buffer) => parts.push(part))
    req.on('end', () => {
      const one = { method: req.method ?? '', url: req.url ?? '', headers: req.headers, body: Buffer.concat(parts).toString() }
      seen.push(one)
      const { status = 200, headers, body, text, drop, hang } = reply(one, seen.length)
      if (drop) return void req.socket.destroy()
      if (hang) return
      res.writeHead(status, { 'content-type': 'application/json', ...headers })
      res.end(text ?? (body === undefined ? '' : JSON.stringify(body)))
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    http.closeAllConnections()
    http.close()
  })
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}` // it listens on TCP
  return { url, http, seen, client: (options) => new Linktor({ apiKey: 'lk_test', baseUrl: url, ...options }) }
}
