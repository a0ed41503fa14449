// Against a real server with its demo channels; skipped without one.
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { AuthenticationError, ConflictError, Linktor, NotFoundError, ValidationError, type SendParams } from '../src/index.js'
import { fixture } from './fixtures.js'

const { LINKTOR_TEST_SERVER: baseUrl, LINKTOR_TEST_API_KEY: apiKey } = process.env
const skip = baseUrl && apiKey ? false : 'set LINKTOR_TEST_SERVER and LINKTOR_TEST_API_KEY'
const options = { skip, timeout: 60_000 }
const client = () => new Linktor({ apiKey, baseUrl, WebSocket })

async function whatsapp(): Promise<string> {
  for await (const channel of client().channels.list()) if (channel.type === 'whatsapp') return channel.id
  throw new Error('the server has no WhatsApp channel')
}

/** A customer whose window is open: the simulated ones write once the server is ready. */
async function customer(linktor: Linktor): Promise<{ channelId: string; to: string }> {
  const channelId = await whatsapp()
  for (let tries = 0; tries < 50; tries++) {
    const open = (await linktor.conversations.list({ channelId, limit: 100 })).data.find((c) => c.windowOpen)
    const contact = open && (await linktor.contacts.get(open.contactId))
    const to = contact?.identities.find((i) => i.kind === 'phone')?.value
    if (to) return { channelId, to }
    await setTimeout(100)
  }
  throw new Error('nobody wrote to the demo channel')
}

test('a message goes out and its ticks come back', options, async (t) => {
  const linktor = client()
  const { channelId, to } = await customer(linktor)
  const ws = linktor.realtime.connect({ types: ['message.*'], signal: t.signal })
  try {
    const steps = new Map<string, string[]>() // of each message: the ticks may be here before the answer is
    const arrived = new EventEmitter()
    ws.on('message.status', ({ messageId, status }) => {
      steps.set(messageId, [...(steps.get(messageId) ?? []), status])
      arrived.emit(messageId)
    })
    await new Promise((resolve) => ws.on('open', resolve))
    const params = { channelId, to, content: { type: 'text', text: 'Hello from the SDK' } } as const
    const idempotencyKey = crypto.randomUUID()
    const message = await linktor.messages.send(params, { idempotencyKey })
    assert.equal((await linktor.messages.send(params, { idempotencyKey })).id, message.id)
    while (!steps.get(message.id)?.includes('delivered')) await once(arrived, message.id, { signal: t.signal })
    const { steps: story } = await linktor.messages.trace(message.id)
    assert.ok(story.some((step) => step.kind === 'attempt' && step.attempt.exchange?.method === 'POST'))
    assert.ok(story.some((step) => step.kind === 'request' && step.request.idempotencyKey === idempotencyKey))
    const detail = await linktor.messages.get(message.id)
    assert.ok(detail.timeline.attempts.length > 0)
    assert.ok(detail.timeline.statuses.length > 0)
  } finally {
    ws.close() // an open connection would keep the process alive
  }
})

test('every send of the guide is accepted, and shows in the log', options, async (t) => {
  const linktor = client()
  const { channelId, to } = await customer(linktor)
  await linktor.whatsapp.templates.sync({ channelId })
  const { cursor } = await linktor.events.list({ after: 'latest' })
  const expected = new Set<string>()
  for (const kind of ['text', 'image', 'document', 'buttons', 'list', 'template']) {
    const params = fixture<SendParams>(`requests/${kind}.json`)
    expected.add((await linktor.messages.send({ ...params, channelId, to })).id)
  }
  // Over a WebSocket, and over the plain HTTP stream that stands in for it.
  const plain = new Linktor({ apiKey, baseUrl })
  for (const stream of [linktor, plain]) {
    const missing = new Set(expected)
    const ws = stream.realtime.connect({ types: ['message.created'], cursor, signal: t.signal })
    for await (const event of ws) {
      missing.delete((event.data as { id: string }).id)
      if (missing.size === 0) break
    }
  }
})

test('errors of the real server have their classes', options, async () => {
  const channelId = await whatsapp()
  const text = { type: 'text', text: 'x' } as const
  await assert.rejects(client().messages.get('msg_00000000000000000000000000'), NotFoundError)
  await assert.rejects(client().messages.send({ channelId, to: 'nobody', content: text }), (error) => {
    assert.ok(error instanceof ValidationError)
    assert.ok(error.errors.length > 0 && error.requestId)
    return true
  })
  await assert.rejects(new Linktor({ apiKey: 'lk_wrong', baseUrl }).channels.list().then(), AuthenticationError)
})

test('lists, types and events answer', options, async () => {
  const linktor = client()
  assert.ok((await linktor.channels.types()).some((type) => type.type === 'whatsapp'))
  assert.ok(Array.isArray((await linktor.messages.list({ limit: 1 })).data))
  assert.ok(Array.isArray((await linktor.contacts.list()).data))
  assert.ok(Array.isArray((await linktor.journal.list()).data))
  assert.ok(Array.isArray((await linktor.whatsapp.templates.list({ channelId: await whatsapp() })).data))
  const limits = await linktor.channels.limits(await whatsapp())
  assert.deepEqual([limits.throughput.limit, limits.breaker.state], [80, 'closed'])
  const page = await linktor.events.list({ limit: 2 })
  if (page.hasNextPage()) assert.ok((await page.getNextPage()).data[0]!.seq > page.data[0]!.seq)
  const media = await linktor.media.upload({ file: new TextEncoder().encode('dot'), filename: 'dot.txt', mimeType: 'text/plain' })
  assert.equal((await linktor.media.get(media.id)).size, 3)
})

test('a message is scheduled, and webhooks are applied again', options, async () => {
  const linktor = client()
  const { channelId, to } = await customer(linktor)
  const sendAt = new Date(Date.now() + 3_600_000).toISOString()
  const fallbackTemplate = { type: 'template', template: { name: 'hello_world', language: { code: 'en_US' } } } as const
  const message = await linktor.messages.send({
    channelId, to, content: { type: 'text', text: 'later' }, sendAt, ordering: 'bestEffort', fallbackTemplate,
  })
  assert.deepEqual([message.status, message.sendAt, message.ordering, message.waiting?.reason], ['scheduled', sendAt, 'bestEffort', 'scheduled'])
  assert.equal(message.fallbackTemplate?.type, 'template')
  assert.equal((await linktor.messages.cancel(message.id)).status, 'cancelled')
  const again = await linktor.messages.retry(message.id)
  assert.deepEqual([again.message.id, again.possibleDuplicate], [message.id, false])
  await assert.rejects(linktor.messages.settle(message.id, { outcome: 'failed' }), ConflictError)

  const entry = (await linktor.journal.list({ state: ['applied', 'partial'], limit: 1 })).data[0] ?? assert.fail('no webhook came')
  assert.equal((await linktor.journal.replay(entry.id)).changed, false)
  let after: string | undefined
  for (let steps = 0; steps < 3; steps++) {
    const step = await linktor.journal.replayRange({ channelId, limit: 1, after })
    assert.deepEqual([step.changed, step.failed], [0, 0])
    after = step.next
    if (!step.hasMore) break
  }
})

test('a message that cannot arrive is a dead letter', options, async () => {
  const linktor = client()
  const { channelId } = await customer(linktor)
  const to = '+15550131026' // the simulated provider refuses it
  let message = await linktor.messages.send({ channelId, to, content: { type: 'template', template: { name: 'hello_world', language: { code: 'en_US' } } } })
  while (message.status !== 'failed') {
    await setTimeout(20)
    message = await linktor.messages.get(message.id)
  }
  const letters = await linktor.deadLetters.list({ channelId, code: message.error?.code, limit: 1 })
  assert.equal(letters.data[0]?.message.id, message.id)
  assert.equal((await linktor.deadLetters.replay({ messageIds: [message.id] })).replayed, 1)
})
