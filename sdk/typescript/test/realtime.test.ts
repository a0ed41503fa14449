import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { WebSocketServer, WebSocket } from 'ws'
import { Linktor, RealtimeError, type ConnectOptions, type LinktorEvent } from '../src/index.js'
import { fixture, fixtures } from './fixtures.js'
import { fakeServer, type FakeServer } from './server.js'

type Frame = Record<string, unknown>
type Step = { client: Frame } | { server: Frame } | { close: number }

interface Transcript {
  description: string
  connect: ConnectOptions
  sockets: Step[][]
  expect: { seqs: number[]; cursor: string; notices: Record<string, unknown>[]; error?: number }
}

/** Plays one list of steps per connection; `failed` holds what a client got wrong. */
async function play(t: TestContext, sockets: Step[][]): Promise<FakeServer & { failed: unknown[]; connections: () => number }> {
  const server = await fakeServer(t, () => ({ body: fixture('answers/ticket.json') }))
  const failed: unknown[] = []
  let n = 0
  const wss = new WebSocketServer({ server: server.http })
  wss.on('connection', (socket, request) => {
    const steps = [...(sockets[n++] ?? [])]
    if (request.headers['sec-websocket-protocol'] !== 'linktor.v1') failed.push('subprotocol')
    const go = () => {
      for (let step = steps.shift(); step; step = steps.shift()) {
        if ('client' in step) return void steps.unshift(step)
        if ('server' in step) socket.send(JSON.stringify(step.server))
        else socket.close(step.close)
      }
    }
    socket.on('message', (data) => {
      const step = steps.shift()
      const { client: _, ...frame } = JSON.parse(String(data)) as Frame // what this SDK writes
      try {
        assert.deepEqual(frame, step && 'client' in step ? step.client : undefined)
      } catch (error) {
        failed.push(error)
      }
      go()
    })
  })
  return { ...server, failed, connections: () => n }
}

for (const [name, transcript] of fixtures<Transcript>('realtime')) {
  test(`${name}: ${transcript.description}`, async (t) => {
    t.mock.method(Math, 'random', () => 0)
    const { expect } = transcript
    const server = await play(t, transcript.sockets)
    const ws = server.client({ WebSocket }).realtime.connect(transcript.connect)
    const seqs: number[] = []
    const notices: unknown[] = []
    ws.on('gap', (gap) => notices.push({ gap }))
    ws.on('reset', (reset) => notices.push({ reset: JSON.parse(JSON.stringify(reset)) as unknown }))
    const done = new Promise<unknown>((resolve) => {
      ws.on('event', ({ seq }) => seqs.push(seq))
      ws.on('error', resolve)
      // The last step may be a mark, so the end is known by the cursor.
      const watch = setInterval(() => {
        if (expect.error || seqs.length < expect.seqs.length || ws.cursor !== expect.cursor) return
        resolve(undefined)
      }, 1)
      t.after(() => clearInterval(watch))
    })
    const error = await done
    ws.close()
    assert.deepEqual(server.failed, [])
    assert.deepEqual(seqs, expect.seqs)
    assert.deepEqual(notices, expect.notices)
    assert.equal(ws.cursor, expect.cursor)
    assert.equal(error instanceof RealtimeError ? error.code : undefined, expect.error)
    assert.equal(server.connections(), transcript.sockets.length)
  })
}

const ready = { op: 'ready', session: 's', cursor: 'v1.e.0', heartbeatMs: 25_000, serverTime: '', replay: null }
const hello = { client: { op: 'hello', ticket: 'wst_fixture' } }
const event = (seq: number) => ({ server: { op: 'event', seq, prev: seq - 1, event: { id: `evt_${seq}`, seq, type: 'message.received' } } })

test('a loop gets every event; a slow one pauses the stream and loses nothing', async (t) => {
  t.mock.method(Math, 'random', () => 0)
  const server = await play(t, [
    [hello, { server: ready }, event(1), event(2), event(3)],
    [{ client: { op: 'hello', ticket: 'wst_fixture', resume: 'v1.e.2' } }, { server: { ...ready, cursor: 'v1.e.2' } }, event(3), event(4), event(5)],
  ])
  const ws = server.client({ WebSocket }).realtime.connect({ bufferSize: 2 })
  await new Promise((resolve) => ws.on('close', resolve)) // two are buffered before anybody reads
  assert.equal(ws.cursor, 'v1.e.0')
  const seen: [number, string | undefined][] = []
  for await (const { seq } of ws) {
    seen.push([seq, ws.cursor])
    if (seq === 5) break
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5].map((n) => [n, `v1.e.${n}`]))
  assert.deepEqual(server.failed, [])
  assert.throws(() => ws[Symbol.asyncIterator](), TypeError)
})

test('a connection that is ready stays', async (t) => {
  // The time to become ready is 15 s; it is over as soon as the connection is.
  const { setTimeout: set, clearTimeout: clear } = globalThis
  const late = new Map<unknown, () => void>()
  t.mock.method(globalThis, 'setTimeout', (fn: () => void, ms: number) => {
    const timer = set(fn, ms)
    if (ms === 15_000) late.set(timer, fn)
    return timer
  })
  t.mock.method(globalThis, 'clearTimeout', (timer: NodeJS.Timeout) => {
    late.delete(timer)
    clear(timer)
  })
  const server = await play(t, [[hello, { server: ready }, event(1)]])
  const ws = server.client({ WebSocket }).realtime.connect()
  ws.on('open', () => late.forEach((fn) => fn()))
  const first = await new Promise((resolve) => ws.on('event', ({ seq }) => resolve(seq)).on('close', resolve))
  ws.close()
  assert.equal(first, 1)
  assert.equal(server.connections(), 1)
})

test('a quiet server is asked, then left', async (t) => {
  t.mock.method(Math, 'random', () => 0)
  const quiet = { ...ready, heartbeatMs: 40 }
  const server = await play(t, [
    [hello, { server: quiet }, { client: { op: 'ping' } }, { client: { op: 'ping' } }],
    [{ client: { op: 'hello', ticket: 'wst_fixture', resume: 'v1.e.0' } }, { server: ready }, event(1)],
  ])
  const ws = server.client({ WebSocket }).realtime.connect()
  const closes: number[] = []
  ws.on('close', ({ code }) => closes.push(code))
  await new Promise((resolve) => ws.on('event', resolve))
  ws.close()
  assert.equal(closes[0], 4009)
})

test('a refused ticket ends the stream: the loop throws, the listener hears', async (t) => {
  const server = await fakeServer(t, () => fixture('errors/credential_invalid.json'))
  const ws = server.client({ WebSocket }).realtime.connect()
  const heard = new Promise((resolve) => ws.on('error', resolve))
  await assert.rejects(async () => {
    for await (const _ of ws) assert.fail()
  }, { name: 'AuthenticationError' })
  assert.equal((await heard as Error).name, 'AuthenticationError')
})

test('several selections, own tickets, and a signal', async (t) => {
  const subscribe = [{ id: 's1', types: ['message.*'] }, { id: 'b', channelId: 'ch_1' }]
  const server = await play(t, [[{ client: { op: 'hello', ticket: 'wst_mine', subscribe } }, { server: ready }, event(1)]])
  const stop = new AbortController()
  const ws = server.client({ WebSocket }).realtime.connect({
    subscribe: [{ types: ['message.*'] }, { id: 'b', channelId: 'ch_1' }],
    ticket: () => Promise.resolve('wst_mine'),
    signal: stop.signal,
  })
  const seen: LinktorEvent[] = []
  for await (const one of ws) {
    seen.push(one)
    stop.abort()
  }
  assert.equal(seen.length, 1)
  assert.deepEqual(server.failed, [])
  assert.equal(server.seen.length, 0, 'no ticket was asked for')
})

test('a server that comes up later is found', async (t) => {
  t.mock.method(Math, 'random', () => 0)
  const server = await play(t, [[hello, { server: ready }, event(1)]])
  let calls = 0
  const fetch: typeof globalThis.fetch = (input, init) =>
    ++calls < 3 ? Promise.reject(new TypeError('refused')) : globalThis.fetch(input, init)
  const ws = server.client({ WebSocket, fetch, maxRetries: 0 }).realtime.connect()
  for await (const { seq } of ws) {
    assert.equal(seq, 1)
    break
  }
  assert.equal(calls, 3)
})

test('what needs a WebSocket says so where there is none', (t) => {
  const before = globalThis.WebSocket
  Reflect.deleteProperty(globalThis, 'WebSocket')
  t.after(() => Object.assign(globalThis, { WebSocket: before }))
  const client = new Linktor({ apiKey: 'k' })
  const ticket = () => Promise.resolve('wst_mine')
  assert.throws(() => client.realtime.connect({ ticket }), /npm install ws/)
  assert.throws(() => client.realtime.connect({ subscribe: [{}, {}] }), /npm install ws/)
})
