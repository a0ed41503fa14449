// The calls of the published guide, as they are written there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebSocketServer, WebSocket } from 'ws'
import { Linktor } from '../src/index.js'
import { fixture } from './fixtures.js'
import { fakeServer } from './server.js'

test('every send of the guide becomes its request', async (t) => {
  const server = await fakeServer(t, () => ({ status: 202, body: fixture('answers/message.json') }))
  process.env['LINKTOR_BASE_URL'] = server.url
  t.after(() => delete process.env['LINKTOR_BASE_URL'])
  const client = new Linktor({ apiKey: 'YOUR_API_KEY' })

  await client.messages.send({
    channelId: 'ch_whatsapp_123',
    to: '+5511999999999',
    content: {
      type: 'text',
      text: 'Hello! How can I help you today?'
    }
  })
  await client.messages.send({
    channelId: 'ch_whatsapp_123',
    to: '+5511999999999',
    content: {
      type: 'image',
      image: {
        url: 'https://example.com/image.jpg',
        caption: 'Check out this product!'
      }
    }
  })
  await client.messages.send({
    channelId: 'ch_whatsapp_123',
    to: '+5511999999999',
    content: {
      type: 'document',
      document: {
        url: 'https://example.com/invoice.pdf',
        filename: 'Invoice-2024-001.pdf',
        caption: 'Your invoice is attached'
      }
    }
  })
  await client.messages.send({
    channelId: 'ch_whatsapp_123',
    to: '+5511999999999',
    content: {
      type: 'interactive',
      interactive: {
        type: 'button',
        body: {
          text: 'Would you like to proceed with your order?'
        },
        action: {
          buttons: [
            { id: 'confirm', title: 'Yes, confirm' },
            { id: 'cancel', title: 'No, cancel' },
            { id: 'help', title: 'Need help' }
          ]
        }
      }
    }
  })
  await client.messages.send({
    channelId: 'ch_whatsapp_123',
    to: '+5511999999999',
    content: {
      type: 'interactive',
      interactive: {
        type: 'list',
        header: {
          type: 'text',
          text: 'Our Services'
        },
        body: {
          text: 'Please select a service:'
        },
        action: {
          button: 'View Options',
          sections: [
            {
              title: 'Support',
              rows: [
                { id: 'technical', title: 'Technical Support', description: 'Get help with technical issues' },
                { id: 'billing', title: 'Billing Support', description: 'Questions about payments' }
              ]
            },
            {
              title: 'Sales',
              rows: [
                { id: 'pricing', title: 'Pricing Info', description: 'Learn about our plans' },
                { id: 'demo', title: 'Request Demo', description: 'Schedule a product demo' }
              ]
            }
          ]
        }
      }
    }
  })
  await client.messages.send({
    channelId: 'ch_whatsapp_123',
    to: '+5511999999999',
    content: {
      type: 'template',
      template: {
        name: 'order_confirmation',
        language: { code: 'en' },
        components: [
          {
            type: 'body',
            parameters: [
              { type: 'text', text: 'John' },
              { type: 'text', text: 'ORD-12345' },
              { type: 'currency', currency: { code: 'USD', amount_1000: 99900, fallback_value: '$999.00' } }
            ]
          }
        ]
      }
    }
  })

  const kinds = ['text', 'image', 'document', 'buttons', 'list', 'template']
  assert.deepEqual(server.seen.map((s) => JSON.parse(s.body)), kinds.map((kind) => fixture(`requests/${kind}.json`)))
  assert.ok(server.seen.every((s) => s.method === 'POST' && s.url === '/api/v1/messages'))
  assert.ok(server.seen.every((s) => s.headers.authorization === 'Bearer YOUR_API_KEY'))
})

test('templates are listed', async (t) => {
  const server = await fakeServer(t, () => ({ body: fixture('pages/templates.json') }))
  const client = server.client()

  const templates = await client.whatsapp.templates.list({
    channelId: 'ch_whatsapp_123'
  })

  assert.equal(templates.data[0]?.name, 'order_confirmation')
  assert.equal(server.seen[0]?.url, '/api/v1/channels/ch_whatsapp_123/templates')
})

test('events arrive with their data', async (t) => {
  const server = await fakeServer(t, () => ({ body: fixture('answers/ticket.json') }))
  const sockets = new WebSocketServer({ server: server.http })
  sockets.on('connection', (socket) => {
    socket.once('message', () => {
      const ready = { op: 'ready', session: 's', cursor: 'v1.e.0', heartbeatMs: 25000, serverTime: '', replay: null }
      socket.send(JSON.stringify(ready))
      const events = fixture<Record<string, { event: string }>>('events/published.json')
      Object.values(events).forEach((event, i) => {
        socket.send(JSON.stringify({ op: 'event', seq: i + 1, prev: i, event: { ...event, type: event.event } }))
      })
    })
  })
  const lines: unknown[][] = []
  const both = new Promise<void>((resolve) => {
    t.mock.method(console, 'log', (...line: unknown[]) => {
      if (lines.push(line) === 2) resolve()
    })
  })
  const client = server.client({ WebSocket })

  const ws = client.realtime.connect()

  ws.on('message.received', (message) => {
    if (message.channelType === 'whatsapp') {
      console.log('WhatsApp message:', message.content)
    }
  })

  ws.on('message.status', (status) => {
    console.log(`Message ${status.messageId} is now ${status.status}`)
  })

  await both
  ws.close()
  assert.deepEqual(lines, [
    ['WhatsApp message:', { type: 'text', text: 'Hi, I need help' }],
    ['Message msg_abc123 is now read'],
  ])
})
