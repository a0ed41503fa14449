import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEvent, isKnownEvent, type Content, type KnownEvent, type Linktor, type LinktorEvent, type Page } from '../src/index.js'
import { fixture, fixtures } from './fixtures.js'
import { fakeServer } from './server.js'

type Row = [want: string, answer: string, call: (c: Linktor) => PromiseLike<unknown>, body?: unknown]

const rows: Row[] = [
  ['GET /api/v1/messages/msg_1', 'answers/message_detail.json', (c) => c.messages.get('msg_1')],
  ['POST /api/v1/messages/msg_1/read', 'answers/message.json', (c) => c.messages.markRead('msg_1', { typing: true }), { typing: true }],
  ['GET /api/v1/messages/msg_1/trace', 'answers/message_trace.json', (c) => c.messages.trace('msg_1')],
  ['POST /api/v1/messages/msg_1/cancel', 'answers/message.json', (c) => c.messages.cancel('msg_1')],
  ['POST /api/v1/messages/msg_1/retry', 'answers/message_retry.json', (c) => c.messages.retry('msg_1')],
  ['POST /api/v1/messages/msg_1/settle', 'answers/message.json', (c) => c.messages.settle('msg_1', { outcome: 'sent', providerMessageId: 'wamid.1' }), { outcome: 'sent', providerMessageId: 'wamid.1' }],
  ['GET /api/v1/dead-letters?channelId=ch_1&code=131026&class=recipient&to=2026-11-21T10%3A00%3A00Z', 'pages/dead_letters.json', (c) => c.deadLetters.list({ channelId: 'ch_1', code: '131026', class: 'recipient', to: '2026-11-21T10:00:00Z' })],
  ['POST /api/v1/dead-letters/replay', 'answers/dead_letter_replay.json', (c) => c.deadLetters.replay({ channelId: 'ch_1', limit: 500 }), { channelId: 'ch_1', limit: 500 }],
  ['GET /api/v1/conversations?status=open&label=vip', 'pages/conversations.json', (c) => c.conversations.list({ status: 'open', label: 'vip' })],
  ['GET /api/v1/conversations/conv_1', 'answers/conversation.json', (c) => c.conversations.get('conv_1')],
  ['PATCH /api/v1/conversations/conv_1', 'answers/conversation.json', (c) => c.conversations.update('conv_1', { assigneeId: null, labels: [] }), { assigneeId: null, labels: [] }],
  ['POST /api/v1/conversations/conv_1/read', 'answers/conversation.json', (c) => c.conversations.markRead('conv_1')],
  ['GET /api/v1/conversations/conv_1/messages?limit=5', 'pages/messages_2.json', (c) => c.conversations.messages('conv_1', { limit: 5 })],
  ['GET /api/v1/contacts?q=ada', 'pages/contacts.json', (c) => c.contacts.list({ q: 'ada' })],
  ['GET /api/v1/contacts/cont_1', 'answers/contact.json', (c) => c.contacts.get('cont_1')],
  ['POST /api/v1/contacts', 'answers/contact.json', (c) => c.contacts.create({ identities: [] }), { identities: [] }],
  ['PATCH /api/v1/contacts/cont_1', 'answers/contact.json', (c) => c.contacts.update('cont_1', { name: 'Ada' }), { name: 'Ada' }],
  ['GET /api/v1/channels', 'pages/channels.json', (c) => c.channels.list()],
  ['GET /api/v1/channels/ch%2F..', 'answers/channel.json', (c) => c.channels.get('ch/..')],
  ['POST /api/v1/channels', 'answers/channel.json', (c) => c.channels.create({ type: 'whatsapp', name: 'Shop', settings: {} }), { type: 'whatsapp', name: 'Shop', settings: {} }],
  ['PATCH /api/v1/channels/ch_1', 'answers/channel.json', (c) => c.channels.update('ch_1', { name: 'Shop' }), { name: 'Shop' }],
  ['DELETE /api/v1/channels/ch_1', '', (c) => c.channels.delete('ch_1')],
  ['POST /api/v1/channels/ch_1/enable', 'answers/channel.json', (c) => c.channels.enable('ch_1')],
  ['POST /api/v1/channels/ch_1/disable', 'answers/channel.json', (c) => c.channels.disable('ch_1')],
  ['POST /api/v1/channels/ch_1/verify', 'answers/health.json', (c) => c.channels.verify('ch_1')],
  ['GET /api/v1/channels/ch_1/templates?status=APPROVED', 'pages/templates.json', (c) => c.templates.list({ channelId: 'ch_1', status: 'APPROVED' })],
  ['GET /api/v1/channels/ch_1/templates/tmpl_1', 'answers/template.json', (c) => c.whatsapp.templates.get({ channelId: 'ch_1', templateId: 'tmpl_1' })],
  ['POST /api/v1/channels/ch_1/templates', 'answers/template.json', (c) => c.templates.create({ channelId: 'ch_1', name: 'a', language: 'en', category: 'UTILITY', components: [] }), { name: 'a', language: 'en', category: 'UTILITY', components: [] }],
  ['PATCH /api/v1/channels/ch_1/templates/tmpl_1', 'answers/template.json', (c) => c.templates.update({ channelId: 'ch_1', templateId: 'tmpl_1' }, { components: [] }), { components: [] }],
  ['DELETE /api/v1/channels/ch_1/templates/tmpl_1', '', (c) => c.templates.delete({ channelId: 'ch_1', templateId: 'tmpl_1' })],
  ['POST /api/v1/channels/ch_1/templates/sync', 'answers/template_sync.json', (c) => c.templates.sync({ channelId: 'ch_1' })],
  ['GET /api/v1/media/med_1', 'answers/media.json', (c) => c.media.get('med_1')],
  ['GET /api/v1/journal?state=failed', 'pages/empty.json', (c) => c.journal.list({ state: 'failed' })],
  ['GET /api/v1/journal?channelId=ch_1&state=partial%2Cfailed&from=2026-11-21T10%3A00%3A00Z&messageId=msg_1', 'pages/empty.json', (c) => c.journal.list({ channelId: 'ch_1', state: ['partial', 'failed'], from: '2026-11-21T10:00:00Z', messageId: 'msg_1' })],
  ['POST /api/v1/journal/replay', 'answers/journal_replay.json', (c) => c.journal.replayRange({ channelId: 'ch_1', state: 'failed', limit: 500 }), { channelId: 'ch_1', state: 'failed', limit: 500 }],
  ['POST /api/v1/journal/replay', 'answers/journal_replay.json', (c) => c.journal.replayRange({ state: ['partial', 'failed'] }), { state: 'partial,failed' }],
  ['GET /api/v1/journal/jrn_1', 'answers/journal_entry.json', (c) => c.journal.get('jrn_1')],
  ['POST /api/v1/journal/jrn_1/replay', 'answers/journal_entry.json', (c) => c.journal.replay('jrn_1')],
  ['GET /api/v1/events?types=message.received%2Cmessage.status&channelId=ch_1&after=v1.e5f1.40', 'pages/events.json', (c) => c.events.list({ types: ['message.received', 'message.status'], channelId: 'ch_1', after: 'v1.e5f1.40' })],
  ['POST /api/v1/realtime/tickets', 'answers/ticket.json', (c) => c.realtime.createTicket()],
]
for (const [want, answer, call, body] of rows) {
  test(want, async (t) => {
    const server = await fakeServer(t, () => (answer ? { body: fixture(answer) } : { status: 204 }))
    const result = await call(server.client())
    const seen = server.seen[0] ?? assert.fail('nothing was asked')
    assert.equal(`${seen.method} ${seen.url}`, want)
    if (body) assert.deepEqual(JSON.parse(seen.body), body)
    if (result === undefined) return
    const data: unknown = fixture(answer)
    if (answer.startsWith('answers/')) assert.deepEqual(result, data)
    else assert.deepEqual((result as Page<unknown>).data, (data as Page<unknown>).data)
  })
}

test('the limits of a channel come without their envelope', async (t) => {
  const server = await fakeServer(t, () => ({ body: fixture('answers/channel_limits.json') }))
  const limits = await server.client().channels.limits('ch_1')
  assert.equal(server.seen[0]?.url, '/api/v1/channels/ch_1/limits')
  assert.deepEqual([limits.tier.remaining, limits.waiting[0]?.reason], [1, 'tier_limit'])
})

test('channel types come as a list', async (t) => {
  const server = await fakeServer(t, () => ({ body: fixture('answers/channel_types.json') }))
  const types = await server.client().channels.types()
  assert.deepEqual(types.map((x) => x.type), ['whatsapp'])
})

test('a file is uploaded as multipart', async (t) => {
  const server = await fakeServer(t, () => ({ status: 201, body: fixture('answers/media.json') }))
  const file = new TextEncoder().encode('dot')
  const media = await server.client().media.upload({ file, filename: 'dot.png', mimeType: 'image/png' })
  assert.equal(media.size, 3)
  const seen = server.seen[0] ?? assert.fail('nothing was sent')
  assert.match(String(seen.headers['content-type']), /^multipart\/form-data; boundary=/)
  assert.match(seen.body, /name="file"; filename="dot.png"\r\nContent-Type: image\/png\r\n\r\ndot\r\n/)
})


test('events narrow by type, and unknown ones stay', () => {
  const events = new Map(fixtures<LinktorEvent>('events'))
  const received = events.get('message.received') ?? assert.fail()
  assert.ok(isEvent(received, 'message.received'))
  const content: Content = received.data.content
  assert.equal(content.type === 'text' && content.text, 'Hi, I need help')
  const scheduled = events.get('message.created.scheduled') ?? assert.fail()
  assert.ok(isEvent(scheduled, 'message.created'))
  assert.deepEqual([scheduled.data.sendAt, scheduled.data.fallbackTemplate?.type, scheduled.data.usedFallback], ['2026-11-22T08:00:00.000Z', 'template', true])
  const late = events.get('message.status.late') ?? assert.fail()
  assert.ok(isEvent(late, 'message.status'))
  assert.deepEqual([late.data.status, late.data.lateAcceptance, late.data.usedFallback], ['expired', true, true])
  const unknown = events.get('unknown') ?? assert.fail()
  assert.ok(!isKnownEvent(unknown))
  assert.deepEqual(unknown.data, { degrees: 21 })
  const states = ['message.status', 'message.created', 'message.created.echo', 'conversation.created', 'conversation.updated'].map((name) => {
    const event = events.get(name) ?? assert.fail(name)
    return isKnownEvent(event) && statusOf(event)
  })
  assert.deepEqual(states, ['read', 'queued', 'phone', 'open -', 'open vip'])
})

function statusOf(event: KnownEvent): string | undefined {
  switch (event.type) {
    case 'message.status':
      return event.data.status
    case 'message.created':
      return event.data.echo ? event.data.author?.type : event.data.status
    case 'conversation.created':
    case 'conversation.updated':
      return `${event.data.status} ${event.data.labels?.join() ?? '-'}`
    default:
      return undefined
  }
}

test('every content that can arrive has a type', () => {
  const kinds = fixture<Content[]>('contents.json').map((content) => {
    switch (content.type) {
      case 'text': return content.text.length > 0
      case 'image': return content.image.mimeType === 'image/jpeg'
      case 'order': return content.order.items[0]?.price === '12.50'
      case 'button_reply': return content.buttonReply.id === 'confirm'
      case 'list_reply': return content.listReply.title === 'Request Demo'
      case 'unsupported': return content.unsupported.kind === 'poll_creation'
      default: return content.type in content || /_|system/.test(content.type)
    }
  })
  assert.ok(kinds.every(Boolean))
})

test('an empty id never addresses the collection', async (t) => {
  const server = await fakeServer(t, () => ({}))
  await assert.rejects(server.client().channels.delete(''), TypeError)
  assert.equal(server.seen.length, 0)
})
