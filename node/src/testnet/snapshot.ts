import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { writeWhole } from '../disk.ts'

const BUILD_TIMEOUT_MS = 30_000
/** Parts of the platform that cannot be in a snapshot. */
const PLATFORM =
  /^(node:)?(child_process|dgram|dns|dns\/promises|http|http2|https|inspector|module|tls|worker_threads)$/
/** Packages with native code, WebAssembly or threads, which cannot be either. */
const PACKAGES =
  /^(classic-level|sharp|@rayswarm\/runner-pathtracer|@chainsafe\/as-(chacha20poly1305|sha256))$/
/** What a node needs. Loaded before it is known what a process is going to be, so that it is in the snapshot. */
const PRELOADED = [
  '@rayswarm/assets',
  '@rayswarm/chain',
  '@rayswarm/chain/genesis',
  '@rayswarm/lease',
  '@rayswarm/network',
  '@rayswarm/peer',
  'ethers'
]
const PRELOADED_FILES = ['../cli/join.js', '../testnet/peer-lab.js', '../testnet/noop-engine.js']

/** The part of the bundler's plugin interface that is used. */
interface Build {
  onResolve(
    options: { filter: RegExp },
    fn: (args: ResolveArgs) => Promise<ResolveResult | undefined> | ResolveResult | undefined
  ): void
  onLoad(
    options: { filter: RegExp; namespace: string },
    fn: (args: { path: string }) => { contents: string; loader: string }
  ): void
  resolve(path: string, options: object): Promise<{ path: string }>
}
interface ResolveArgs {
  readonly path: string
  readonly resolveDir: string
  readonly pluginData?: unknown
}
interface ResolveResult {
  readonly path: string
  readonly namespace: string
}

/** What a module that is loaded late is replaced by: its names, which find the real thing when they are first used. */
const LATER = `
const later = find => {
  let value
  const get = () => (value ??= find())
  return new Proxy(function () {}, {
    get: (_, key) => {
      if (globalThis.rayswarmRequire === undefined && typeof key === 'symbol') return undefined
      const found = get()[key]
      return typeof found === 'function' ? found.bind(get()) : found
    },
    set: (_, key, found) => Reflect.set(get(), key, found),
    has: (_, key) => key in get(),
    apply: (_, self, args) =>
      globalThis.rayswarmRequire === undefined ? later(() => get()(...args)) : get()(...args),
    construct: (_, args) =>
      globalThis.rayswarmRequire === undefined ? later(() => new (get())(...args)) : new (get())(...args)
  })
}`

/** Leave out of a bundle what cannot be in a snapshot. */
export const lateModules = {
  name: 'late-modules',
  setup(build: Build): void {
    build.onResolve({ filter: PLATFORM }, ({ path }) => ({
      path: `node:${path.replace(/^node:/, '')}`,
      namespace: 'late'
    }))
    build.onResolve({ filter: PACKAGES }, async ({ path, resolveDir, pluginData }) => {
      if (pluginData === lateModules) return undefined
      const options = { resolveDir, kind: 'import-statement', pluginData: lateModules }
      return { path: (await build.resolve(path, options)).path, namespace: 'late' }
    })
    build.onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => {
      const found: object = createRequire(import.meta.url)(path)
      const load = `globalThis.rayswarmRequire(${JSON.stringify(path)})`
      const names = Object.keys(found).filter(name => /^[A-Za-z_$][\w$]*$/.test(name) && name !== 'default')
      const lines = names.map(name => `export const ${name} = later(() => ${load}.${name})`)
      return {
        contents: [LATER, ...lines, `export default later(() => ${load}.default ?? ${load})`].join('\n'),
        loader: 'js'
      }
    })
  }
}

/** The entry of a program that is loaded before its snapshot is taken and goes on from there. */
export function snapshotEntry(entry: string): string {
  return [
    `import { main } from ${JSON.stringify(entry)}`,
    ...PRELOADED.map(name => `import ${JSON.stringify(name)}`),
    ...PRELOADED_FILES.map(path => `import ${JSON.stringify(join(entry, '..', path))}`),
    "import v8 from 'node:v8'",
    'v8.startupSnapshot.setDeserializeMainFunction(() => {',
    `  globalThis.rayswarmRequire = process.getBuiltinModule('node:module').createRequire(${JSON.stringify(entry)})`,
    '  void main(process.argv)',
    '})'
  ].join('\n')
}

/** Run a bundle to where it waits for its arguments, and keep its memory. Answers the snapshot's path. */
export async function takeSnapshot(dir: string, bundle: string): Promise<string> {
  const source = join(dir, 'snapshot.cjs')
  const blob = join(dir, 'snapshot.blob')
  await writeWhole(source, bundle, { thing: 'testnet program' })
  const args = ['--no-warnings', '--snapshot-blob', blob, '--build-snapshot', source]
  await promisify(execFile)(process.execPath, args, { timeout: BUILD_TIMEOUT_MS })
  return blob
}
