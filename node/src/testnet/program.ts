import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeWhole } from '../disk.ts'
import { PROGRAM } from './processes.ts'

const ENTRY = fileURLToPath(new URL('../cli/main.js', import.meta.url))
/** Loaded from where they are installed: they carry files of their own. */
const NATIVE = ['classic-level', 'sharp']
const ENGINE = '@rayswarm/runner-pathtracer'
/** The bundle is one function: V8 keeps what it compiled of a script, and of a module only what it compiled while loading it. */
const BANNER =
  "(function (require, module, __filename) { const rayswarmUrl = require('node:url').pathToFileURL(__filename).href;"
/** {@link KEEP_SIGNAL} keeps what was compiled until then, for the processes that start after it. */
const START = `const { createRequire } = require('node:module')
const { readFileSync, renameSync, writeFileSync } = require('node:fs')
const { Script } = require('node:vm')
const filename = __dirname + '/main.cjs'
const compiled = __dirname + '/compiled'
let cachedData
try {
  cachedData = readFileSync(compiled)
} catch {}
const script = new Script(readFileSync(filename, 'utf8'), { filename, cachedData })
if (cachedData === undefined)
  process.once('SIGUSR2', () => {
    writeFileSync(compiled + '.new', script.createCachedData())
    renameSync(compiled + '.new', compiled)
  })
const bundle = { exports: {} }
script.runInThisContext()(createRequire(${JSON.stringify(PROGRAM)}), bundle, filename)
void bundle.exports.main(process.argv)
`

/** Sent to the first process that runs a {@link fastProgram} when it has been through what all of them will do. */
export const KEEP_SIGNAL = 'SIGUSR2'

/** The part of the bundler that is used. */
interface Bundler {
  build(options: object): Promise<unknown>
}

/**
 * A copy of this program that starts fast, in `dir`: one file instead of a thousand, compiled once for all processes, also
 * the functions that run later than at the start: they are the larger part.
 *
 * Where no bundler is installed, the program itself.
 */
export async function fastProgram(dir: string): Promise<string> {
  const bundler = await bundlerOf()
  if (bundler === undefined) return PROGRAM
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  // It has no entry for `require`, but can be required.
  const engine = fileURLToPath(import.meta.resolve(ENGINE))
  const options = {
    entryPoints: [ENTRY],
    outfile: join(dir, 'main.cjs'),
    bundle: true,
    minifyWhitespace: true,
    format: 'cjs',
    platform: 'node',
    target: 'node22',
    alias: { [ENGINE]: engine },
    external: [...NATIVE, engine],
    banner: { js: BANNER },
    footer: { js: '})' },
    define: { 'import.meta.url': 'rayswarmUrl' },
    supported: { 'dynamic-import': false },
    legalComments: 'none',
    logLevel: 'silent'
  }
  // A tree that is being worked on may not fit together, and run all the same.
  const built = await bundler.build(options).then(
    () => true,
    () => false
  )
  if (!built) return PROGRAM
  await writeWhole(join(dir, 'package.json'), '{ "type": "commonjs" }\n', { thing: 'testnet program' })
  const start = join(dir, 'start.js')
  await writeWhole(start, START, { thing: 'testnet program' })
  return start
}

async function bundlerOf(): Promise<Bundler | undefined> {
  // Not a dependency of the program at large: a name the compiler does not look up.
  const name: string = 'esbuild'
  return (await import(name).catch(() => undefined)) as Bundler | undefined
}
