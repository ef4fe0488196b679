import { mkdir, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readJson, writeWhole } from '../disk.ts'
import { PROGRAM } from './processes.ts'

const ENTRY = fileURLToPath(new URL('../cli/main.js', import.meta.url))
/** Loaded from where they are installed: they carry files of their own. */
const EXTERNAL = ['classic-level', 'sharp', '@rayswarm/runner-pathtracer']
/** Modules written as CommonJS ask for `require`. */
const BANNER =
  "import { createRequire as rayswarmRequire } from 'node:module'; const require = rayswarmRequire(import.meta.url);"
/** What was compiled is kept once a process is well under way, for those that start after it. */
const START = `import module from 'node:module'
module.enableCompileCache(import.meta.dirname + '/compiled')
for (const afterMs of [1_500, 5_000]) setTimeout(() => module.flushCompileCache(), afterMs).unref()
const { main } = await import('./main.js')
await main(process.argv)
`

/** The part of the bundler that is used. */
interface Bundler {
  build(options: object): Promise<unknown>
}

/**
 * A copy of this program that starts fast, in `dir`: one file instead of a thousand, compiled once for all processes.
 *
 * Where no bundler is installed, the program itself.
 */
export async function fastProgram(dir: string): Promise<string> {
  const bundler = await bundlerOf()
  if (bundler === undefined) return PROGRAM
  await rm(dir, { recursive: true, force: true })
  await mkdir(join(dir, 'node_modules', '@rayswarm'), { recursive: true })
  await Promise.all(
    EXTERNAL.map(async name => symlink(await packageDir(name), join(dir, 'node_modules', name), 'junction'))
  )
  const options = {
    entryPoints: [ENTRY],
    outdir: dir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    external: EXTERNAL,
    banner: { js: BANNER },
    legalComments: 'none',
    logLevel: 'silent'
  }
  // A tree that is being worked on may not fit together, and run all the same.
  const built = await bundler.build(options).then(
    () => true,
    () => false
  )
  if (!built) return PROGRAM
  await writeWhole(join(dir, 'package.json'), '{ "type": "module" }\n', { thing: 'testnet program' })
  const start = join(dir, 'start.js')
  await writeWhole(start, START, { thing: 'testnet program' })
  return start
}

async function bundlerOf(): Promise<Bundler | undefined> {
  // Not a dependency of the program at large: a name the compiler does not look up.
  const name: string = 'esbuild'
  return (await import(name).catch(() => undefined)) as Bundler | undefined
}

/** Where a package is installed: its `exports` may hide its package.json, so look for it above its entry. */
async function packageDir(name: string): Promise<string> {
  let dir = dirname(fileURLToPath(import.meta.resolve(name)))
  for (;;) {
    const { name: found } = (await readJson(join(dir, 'package.json'), 'package').catch(() => ({}))) as {
      readonly name?: string
    }
    if (found === name || dirname(dir) === dir) return dir
    dir = dirname(dir)
  }
}
