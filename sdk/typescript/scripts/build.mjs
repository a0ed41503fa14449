// Compiles src twice, as ES modules and as CommonJS, with types for each.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))
rmSync(`${root}/dist`, { recursive: true, force: true })

const common = ['-p', 'tsconfig.build.json']
const formats = {
  esm: { type: 'module', flags: ['--module', 'esnext'] },
  cjs: { type: 'commonjs', flags: ['--module', 'commonjs'] },
}
for (const [name, { type, flags }] of Object.entries(formats)) {
  const out = `${root}/dist/${name}`
  execFileSync(process.execPath, [tsc, ...common, ...flags, '--outDir', out], { cwd: root, stdio: 'inherit' })
  mkdirSync(out, { recursive: true })
  writeFileSync(`${out}/package.json`, `${JSON.stringify({ type, sideEffects: false })}\n`)
}
