import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** sdk/testdata, seen from the compiled test. */
const root = fileURLToPath(new URL('../../../testdata/', import.meta.url))

export function fixture<T = unknown>(name: string): T {
  return JSON.parse(readFileSync(`${root}${name}`, 'utf8')) as T // the test names the shape it expects
}

export function fixtures<T = unknown>(folder: string): [name: string, value: T][] {
  return readdirSync(root + folder).sort().map((file) => [file.replace('.json', ''), fixture<T>(`${folder}/${file}`)])
}
