// Without a WebSocket: the same events over GET /api/v1/events/stream.
import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Linktor, RealtimeError } from '../src/index.js'
import { fixture } from './fixtures.js'

/** Answers the n-th connection with the n-th piece of text, and leaves it open. */
async function streams(t: TestContext, answer: (res: ServerResponse, n: number) => void): Promise<{ client: Linktor; urls: string[] }> {
  const before = globalThis.WebSocket
  Reflect.deleteProperty(globalThis, 'WebSocket')
  t.after(() => Object.assign(globalThis, { WebSocket: before }))
  t.mock.method(Math, 'random', () => 0)
  const urls: string[] = []
  const http = createServer((req, res) => {
    assert.equal(req.headers.authorization, 'Bearer lk_test')
    answer(res, urls.push(req.url ?? ''))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    http.closeAllConnections()
    http.close()
  })
  const baseUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}` // it listens on TCP
  return { client: new Linktor({ apiKey: 'lk_test', baseUrl }), urls }
}

const ready = (cursor: string) =>
  `id: ${cursor}\nevent: ready\ndata: {"op":"ready","session":"s","cursor":"${cursor}","heartbeatMs":25000,"serverTime":"","replay":null}\n\n`
const event = (seq: number, name = 'message.received') => `id: v1.e.${seq}\ndata: ${JSON.stringify({ ...fixture<object>(`events/${name}.json`), seq })}\n\n`

test('events come over HTTP, resume, and are given once', async (t) => {
  const { client, urls } = await streams(t, (res, n) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    if (n === 1) {
      const text = ready('v1.e.40') + event(41) + 'id: v1.e.44\n: mark\n\n'
      res.write(text.slice(0, 100)) // a frame may come in pieces
      setImmediate(() => res.end(`${text.slice(100)}event: close\ndata: {"code":4012,"reason":"draining: bye"}\n\n`))
    } else {
      res.write(ready('v1.e.44') + event(44) + event(46, 'message.status'))
    }
  })
  const ws = client.realtime.connect({ types: ['message.*'], channelId: 'ch_1' })
  const seqs: number[] = []
  for await (const { seq } of ws) {
    seqs.push(seq)
    if (seq === 46) break
  }
  assert.deepEqual(seqs, [41, 46])
  assert.equal(ws.cursor, 'v1.e.46')
  assert.deepEqual(urls, [
    '/api/v1/events/stream?types=message.*&channelId=ch_1',
    '/api/v1/events/stream?after=v1.e.44&types=message.*&channelId=ch_1',
  ])
})

test('a refused cursor is dropped, a refused key ends the stream', async (t) => {
  const { client, urls } = await streams(t, (res, n) => {
    const name = n === 1 ? 'invalid_cursor' : 'credential_invalid'
    const { status, body } = fixture<{ status: number; body: object }>(`errors/${name}.json`)
    res.writeHead(status).end(JSON.stringify(body))
  })
  const ws = client.realtime.connect({ cursor: 'v1.e.7' })
  const resets: string[] = []
  ws.on('reset', ({ reason }) => resets.push(reason))
  await assert.rejects(async () => {
    for await (const _ of ws) assert.fail()
  }, (error) => error instanceof RealtimeError && error.code === 4001)
  assert.deepEqual(resets, ['cursor'])
  assert.deepEqual(urls, ['/api/v1/events/stream?after=v1.e.7', '/api/v1/events/stream'])
})
