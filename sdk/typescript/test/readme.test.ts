// Every snippet of the README is type-checked as its reader would write it, and run.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { before, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { WebSocketServer } from 'ws'
import { fixture } from './fixtures.js'
import { fakeServer } from './server.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = `${root}dist-test/readme`
const sources = `${folder}/src`
const snippets = [...readFileSync(`${root}README.md`, 'utf8').matchAll(/```ts\n(.*?)```/gs)].map((m) => m[1] ?? '')

before(() => {
  mkdirSync(sources, { recursive: true })
  snippets.forEach((code, i) => writeFileSync(`${sources}/snippet${i}.ts`, code))
  const config = {
    extends: '../../tsconfig.json',
    exclude: [],
    compilerOptions: { outDir: '.', rootDir: 'src', declaration: false, noUnusedLocals: true },
    include: ['src'],
  }
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config))
  execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', folder], { stdio: 'inherit' })
})

const wanted: [about: string, output: string[]][] = [
  ['Send', ['queued']],
  ['Lists', ['1 false', 'Send an approved template instead.']],
  ['Dead letters', ['131047 Send an approved template instead.', "reason: 'window_closed'"]],
  ['Events', ['41 +351910000042 Hi, I need help', 'is now read']],
  ['Loop', ['41 message.received', '42 message.status']],
]
wanted.forEach(([about, output], i) => {
  test(`README: ${about}`, async (t) => {
    const url = await server(t)
    const env = { ...process.env, LINKTOR_API_KEY: 'lk_test', LINKTOR_BASE_URL: url }
    const child = spawn(process.execPath, [`${folder}/snippet${i}.js`], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill())
    let text = ''
    for await (const part of child.stdout) {
      text += String(part)
      if (output.every((line) => text.includes(line))) return
    }
    assert.fail(`printed only: ${text}`)
  })
})

test('README: Webhooks', async () => {
  assert.equal(snippets.length, wanted.length + 1)
  const module: unknown = await import(`${folder}/snippet${snippets.length - 1}.js`)
  const { receive } = module as { receive: (request: Request, secret: string) => Promise<Response> }
  const { valid } = fixture<{ valid: { secrets: string[]; headers: Record<string, string>; body: string }[] }>('webhooks.json')
  const [c] = valid
  assert.ok(c)
  const request = new Request('http://localhost/', { method: 'POST', headers: c.headers, body: c.body })
  const response = await receive(request, c.secrets[0] ?? '')
  assert.deepEqual([response.status, await response.text()], [401, 'too_old']) // signed in the past
})

/** Answers what the snippets ask; its stream has two events. */
async function server(t: TestContext): Promise<string> {
  const answers: Record<string, string> = {
    'POST /api/v1/messages': 'answers/message.json',
    'GET /api/v1/conversations': 'pages/conversations.json',
    'GET /api/v1/dead-letters': 'pages/dead_letters.json',
    'POST /api/v1/dead-letters/replay': 'answers/dead_letter_replay.json',
    'POST /api/v1/realtime/tickets': 'answers/ticket.json',
  }
  const fake = await fakeServer(t, ({ method, url }) => {
    if (url.startsWith('/api/v1/messages?')) {
      return { body: { data: [fixture('answers/message_detail.json')], page: { next: null, hasMore: false } } }
    }
    if (url.startsWith('/api/v1/events/stream')) return { text: stream(), headers: { 'content-type': 'text/event-stream' } }
    const answer = answers[`${method} ${url.split('?')[0]}`]
    return answer ? { body: fixture(answer) } : { status: 204 }
  })
  const sockets = new WebSocketServer({ server: fake.http })
  sockets.on('connection', async (socket) => {
    await once(socket, 'message')
    const ready = { op: 'ready', session: 's', cursor: 'v1.e.40', heartbeatMs: 25000, serverTime: '', replay: null }
    socket.send(JSON.stringify(ready))
    for (const [i, name] of ['message.received', 'message.status'].entries()) {
      socket.send(JSON.stringify({ op: 'event', seq: 41 + i, prev: 40 + i, event: fixture(`events/${name}.json`) }))
    }
  })
  return fake.url
}

/** The two events as the HTTP stream has them. */
function stream(): string {
  const ready = 'id: v1.e.40\nevent: ready\ndata: {"op":"ready","cursor":"v1.e.40","heartbeatMs":25000}\n\n'
  const events = ['message.received', 'message.status'].map(
    (name, i) => `id: v1.e.${41 + i}\ndata: ${JSON.stringify(fixture(`events/${name}.json`))}\n\n`,
  )
  return ready + events.join('')
}
