import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Linktor, unwrap, WebhookVerificationError, type WebhookFault } from '../src/index.js'
import { fixture } from './fixtures.js'

interface Case {
  name: string
  secrets: string[]
  headers: Record<string, string>
  body: string
  now: number
  reason?: WebhookFault
}

const cases = fixture<{ valid: Case[]; invalid: Case[] }>('webhooks.json')

for (const c of cases.valid) {
  test(`accepted: ${c.name}`, async () => {
    const event = await unwrap(c.body, c.headers, c.secrets, { now: new Date(c.now * 1000) })
    assert.equal(event.type, 'message.received')
    const { webhooks } = new Linktor({ apiKey: 'k' })
    const bytes = new TextEncoder().encode(c.body)
    assert.deepEqual(await webhooks.unwrap(bytes, new Headers(c.headers), c.secrets, { now: new Date(c.now * 1000) }), event)
  })
}

for (const c of cases.invalid) {
  test(`refused: ${c.name}`, async () => {
    await assert.rejects(unwrap(c.body, c.headers, c.secrets, { now: new Date(c.now * 1000) }), (error) => {
      assert.ok(error instanceof WebhookVerificationError)
      assert.equal(error.reason, c.reason)
      return true
    })
  })
}

test('headers of any case and as lists are read; the clock is now', async () => {
  const [c] = cases.valid
  assert.ok(c)
  const headers = Object.fromEntries(Object.entries(c.headers).map(([k, v]) => [k.toUpperCase(), [v]]))
  const [secret = ''] = c.secrets
  assert.equal((await unwrap(c.body, headers, secret, { now: new Date(c.now * 1000) })).seq, 41)
  await assert.rejects(unwrap(c.body, headers, secret, { toleranceSeconds: -1 }), WebhookVerificationError)
})
