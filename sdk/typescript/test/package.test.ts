// The package as npm would ship it.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { VERSION } from '../src/index.js'
import { fixture } from './fixtures.js'
import { fakeServer } from './server.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

function run(type: 'module' | 'commonjs', code: string): string {
  return execFileSync(process.execPath, [`--input-type=${type}`, '-e', code], { cwd: root, encoding: 'utf8' }).trim()
}

test('it loads as an ES module and as CommonJS', () => {
  const use = 'console.log(typeof new Linktor({ apiKey: "k" }).messages.send, typeof unwrap)'
  assert.equal(run('module', `import { Linktor } from '@linktor/sdk'; import { unwrap } from '@linktor/sdk/webhooks'; ${use}`), 'function function')
  assert.equal(run('commonjs', `const { Linktor } = require('@linktor/sdk'); const { unwrap } = require('@linktor/sdk/webhooks'); ${use}`), 'function function')
})

test('publint finds nothing', async () => {
  const { messages } = await publint({ pkgDir: root, strict: true })
  assert.deepEqual(messages, [])
})

test('the version is one, and there are no dependencies', () => {
  const file: unknown = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const { version, dependencies } = file as { version: string; dependencies?: unknown }
  assert.equal(version, VERSION)
  assert.equal(dependencies, undefined)
})

test('the lock file names no host', () => {
  assert.doesNotMatch(readFileSync(`${root}package-lock.json`, 'utf8'), /"resolved"/)
})

test('the end of a stream that nobody listens to is an unhandled rejection', async (t) => {
  const server = await fakeServer(t, () => fixture('errors/permission_missing.json'))
  const code = `
    import { Linktor } from '@linktor/sdk'
    import WebSocket from 'ws'
    process.on('unhandledRejection', (error) => { console.log(error.name); process.exit(3) })
    new Linktor({ apiKey: 'k', baseUrl: '${server.url}', WebSocket }).realtime.connect().on('message.received', () => {})`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  for await (const part of child.stdout) out += String(part)
  assert.equal(out.trim(), 'PermissionError')
})
