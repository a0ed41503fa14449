import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as sdk from '../src/index.js'
import { fixture, fixtures } from './fixtures.js'
import { fakeServer, type Answer } from './server.js'

const send = fixture<sdk.SendParams>('requests/full.json')
const accepted: Answer = { status: 202, body: fixture('answers/message.json') }

interface ErrorFixture {
  status: number
  headers: Record<string, string>
  body: sdk.Problem
  class: 'APIError'
}

for (const [name, want] of fixtures<ErrorFixture>('errors')) {
  test(`error ${name} becomes ${want.class}`, async (t) => {
    const server = await fakeServer(t, () => want)
    const error: unknown = await server.client({ maxRetries: 0 }).messages.send(send).catch((e: unknown) => e)
    assert.ok(error instanceof sdk[want.class])
    assert.ok(error instanceof sdk.LinktorError)
    assert.equal(error.name, want.class)
    assert.equal(error.code, name)
    assert.equal(error.status, want.status)
    assert.equal(error.requestId, want.body.requestId)
    assert.equal(error.retryable, want.body.retryable)
    assert.deepEqual(error.errors, want.body.errors ?? [])
    const after = want.headers['retry-after']
    assert.equal(error.retryAfterMs, after === undefined ? undefined : Number(after) * 1000)
  })
}

test('an answer that is not ours still becomes an error', async (t) => {
  const server = await fakeServer(t, () => ({ status: 502, headers: { 'content-type': 'text/html', 'x-request-id': 'req_1' } }))
  await assert.rejects(server.client({ maxRetries: 0 }).messages.get('msg_1'), (error) => {
    assert.ok(error instanceof sdk.ServerError)
    assert.deepEqual([error.code, error.requestId, error.retryable], ['http_502', 'req_1', true])
    return true
  })
})

const retried: [what: string, first: Answer][] = [
  ['a broken connection', { drop: true }],
  ['408', { status: 408 }],
  ['a running twin', { ...fixture<ErrorFixture>('errors/idempotency_in_progress.json'), headers: { 'retry-after': '0' } }],
  ['429', { ...fixture<ErrorFixture>('errors/rate_limited.json'), headers: { 'retry-after': '0' } }],
  ['500', { status: 500 }],
  ['503', { status: 503, headers: { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' } }],
]
for (const [what, first] of retried) {
  test(`${what} is tried again under the same key`, async (t) => {
    t.mock.method(Math, 'random', () => 0)
    const server = await fakeServer(t, (_, n) => (n < 3 ? first : accepted))
    const message = await server.client().messages.send(send)
    assert.equal(message.status, 'queued')
    const keys = server.seen.map((s) => s.headers['idempotency-key'])
    assert.equal(keys.length, 3)
    assert.equal(new Set(keys).size, 1)
    assert.match(String(keys[0]), /^[0-9a-f-]{36}$/)
    assert.ok(server.seen.every((s) => s.body === JSON.stringify(send)))
  })
}

for (const code of ['validation_error', 'window_closed', 'conflict', 'credential_invalid', 'not_found']) {
  test(`${code} is not tried again`, async (t) => {
    const server = await fakeServer(t, () => fixture<ErrorFixture>(`errors/${code}.json`))
    await assert.rejects(server.client().messages.send(send), { code })
    assert.equal(server.seen.length, 1)
  })
}

test('retries end', async (t) => {
  t.mock.method(Math, 'random', () => 0)
  const server = await fakeServer(t, () => ({ status: 503 }))
  await assert.rejects(server.client().messages.send(send), sdk.ServerError)
  await assert.rejects(server.client().messages.send(send, { maxRetries: 1 }), sdk.ServerError)
  assert.equal(server.seen.length, 3 + 2)
})

test('a long Retry-After is left to the caller', async (t) => {
  const server = await fakeServer(t, () => ({ status: 429, headers: { 'retry-after': '3600' } }))
  await assert.rejects(server.client().messages.send(send), { name: 'RateLimitError', retryAfterMs: 3_600_000 })
  assert.equal(server.seen.length, 1)
})

test('the caller can name the key, headers and another server', async (t) => {
  const server = await fakeServer(t, () => accepted)
  await server.client({ headers: { 'x-a': '1' } }).messages.send(send, { idempotencyKey: 'order-7', headers: { 'x-b': '2' } })
  const { headers } = server.seen[0] ?? assert.fail('nothing was sent')
  assert.equal(headers['idempotency-key'], 'order-7')
  assert.deepEqual([headers['x-a'], headers['x-b']], ['1', '2'])
})

test('no answer is a TimeoutError, no server a ConnectionError', async (t) => {
  const server = await fakeServer(t, () => ({ hang: true }))
  await assert.rejects(server.client({ timeout: 20, maxRetries: 0 }).channels.types(), sdk.TimeoutError)
  const nowhere = server.client({ maxRetries: 0, fetch: () => Promise.reject(new TypeError('fetch failed')) })
  await assert.rejects(nowhere.channels.types(), (error) => error instanceof sdk.ConnectionError && !(error instanceof sdk.TimeoutError))
})

test('an aborted call rejects with the signal’s reason, also between attempts', async (t) => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const server = await fakeServer(t, () => {
    stop.abort(reason)
    return { status: 503, headers: { 'retry-after': '30' } }
  })
  await assert.rejects(server.client().messages.send(send, { signal: stop.signal }), reason)
  await assert.rejects(server.client().messages.send(send, { signal: stop.signal }), reason)
  assert.equal(server.seen.length, 1)
})

test('options come from the environment, and a key is needed', (t) => {
  process.env['LINKTOR_API_KEY'] = 'lk_env'
  t.after(() => delete process.env['LINKTOR_API_KEY'])
  assert.ok(!JSON.stringify(new sdk.Linktor()).includes('lk_env'), 'the key must not print')
  delete process.env['LINKTOR_API_KEY']
  assert.throws(() => new sdk.Linktor(), sdk.LinktorError)
  assert.throws(() => new sdk.Linktor({ apiKey: 'k', baseUrl: 'localhost:8080' }), sdk.LinktorError)
})

test('lists give pages, further pages, and all items', async (t) => {
  const server = await fakeServer(t, ({ url }) => ({ body: fixture(url.includes('after=') ? 'pages/messages_2.json' : 'pages/messages_1.json') }))
  const client = server.client()
  const page = await client.messages.list({ status: ['read', 'failed'], limit: 2 })
  assert.deepEqual([page.data.length, page.hasNextPage()], [2, true])
  const last = await page.getNextPage()
  assert.deepEqual([last.data.length, last.hasNextPage()], [1, false])
  await assert.rejects(last.getNextPage(), RangeError)
  assert.deepEqual(server.seen.map((s) => s.url), [
    '/api/v1/messages?status=read%2Cfailed&limit=2',
    '/api/v1/messages?status=read%2Cfailed&limit=2&after=v1.cGFnZTI',
  ])
  const states: string[] = []
  for await (const message of client.messages.list()) states.push(message.status)
  assert.deepEqual(states, ['read', 'delivered', 'failed'])
})

test('an event list can be followed', async (t) => {
  const stop = new AbortController()
  const server = await fakeServer(t, ({ url }) => ({ body: url.includes('after=v1.e5f1.42') ? fixture('pages/empty.json') : fixture('pages/events.json') }))
  const seqs: number[] = []
  const follow = async () => {
    for await (const event of server.client().events.iterate({ intervalMs: 1 }, { signal: stop.signal })) {
      seqs.push(event.seq)
      if (seqs.length === 2) setImmediate(() => stop.abort(new Error('enough')))
    }
  }
  await assert.rejects(follow(), { message: 'enough' })
  assert.deepEqual(seqs, [41, 42])
})
