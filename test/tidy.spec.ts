import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

// Rules of the house that neither the compiler nor the linter checks. See CONTRIBUTING.md#the-house.
const ROOT = join(import.meta.dirname, '../..')
const LAYERS: ReadonlyArray<readonly string[]> = [
  ['interface', 'params'],
  ['wire', 'simulation'],
  ['workload', 'market', 'lease', 'verification', 'reputation', 'settlement', 'reconcile'],
  ['peer', 'network', 'assets', 'chain', 'runner-pathtracer'],
  ['node']
]
const PURE = new Set([...LAYERS[0]!, 'wire', ...LAYERS[2]!, 'peer'])
const DOCUMENTED = ['interface', 'params']
const WALL_CLOCK =
  /\bDate\.now\(|\bnew Date\(|\bMath\.random\(|\bset(Timeout|Interval|Immediate)\(|\bAbortSignal\.timeout\(|\bperformance\.now\(|\bconsole\./
/** Words the glossary replaces, as a whole word of a file name or of an exported name. */
const BANNED_WORDS = new Set(
  'task provider worker client server master manager util utils helper helpers data info'.split(' ')
)
/** Terms of other people's interfaces that we must spell as they do. */
const FOREIGN = /worker[-_]?threads|\.worker\.|worker\.ts$/i
const FILE_LINES_MAX = 400
const TOP_LEVEL = new Set([
  ...['packages', 'node', 'examples', 'spec', 'test'],
  ...['lerna.json', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.base.json', 'biome.json'],
  ...['README.md', 'LICENSE', 'CONTRIBUTING.md', 'CHANGELOG.md', 'node_modules', 'out']
])

const layerOf = (name: string): number => LAYERS.findIndex(layer => layer.includes(name))

function dirOf(name: string): string {
  if (name === 'node') return 'node'
  return name.startsWith('runner-') ? `packages/runners/${name.slice('runner-'.length)}` : `packages/${name}`
}

function sources(dir: string): string[] {
  if (!existsSync(join(ROOT, dir))) return []
  return readdirSync(join(ROOT, dir), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.includes('node_modules') && !/(^|\/)dist\//.test(file))
    .map(file => `${dir}/${file}`)
}

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
}

function exportsOf(text: string): { name: string; line: number }[] {
  return text.split('\n').flatMap((line, index) => {
    const name = /^export (?:abstract )?(?:async )?(?:interface|type|class|function\*?|const) (\w+)/.exec(
      line
    )?.[1]
    return name === undefined ? [] : [{ name, line: index }]
  })
}

describe('tidy', () => {
  it('keeps the top level as the architecture draws it', () => {
    const strangers = readdirSync(ROOT).filter(name => !name.startsWith('.') && !TOP_LEVEL.has(name))
    assert.deepEqual(strangers, [])
  })

  for (const name of LAYERS.flat()) {
    it(`${name}: imports only from the rows below, and says so in its package.json`, () => {
      const pkg = JSON.parse(readFileSync(join(ROOT, dirOf(name), 'package.json'), 'utf8'))
      for (const where of sources(`${dirOf(name)}/src`)) {
        const text = readFileSync(join(ROOT, where), 'utf8')
        for (const [, target = ''] of text.matchAll(/(?:from |import\()'@rayswarm\/([\w-]+)'/g)) {
          if (text.includes(` * import`) && isOnlyInComment(text, target)) continue
          assert.ok(
            `@rayswarm/${target}` in (pkg.dependencies ?? {}),
            `${where}: ${target} is not a dependency`
          )
          assert.ok(
            layerOf(target) < layerOf(name),
            `${where}: imports @rayswarm/${target}, which is not below it`
          )
        }
      }
    })
  }

  for (const name of PURE) {
    it(`${name}: takes time and chance from its components`, () => {
      for (const where of sources(`${dirOf(name)}/src`)) {
        const code = withoutComments(readFileSync(join(ROOT, where), 'utf8'))
        assert.doesNotMatch(code, WALL_CLOCK, where)
      }
    })
  }

  it('keeps files short', () => {
    const long = ['packages', 'node', 'test', 'examples']
      .flatMap(sources)
      .filter(where => readFileSync(join(ROOT, where), 'utf8').split('\n').length - 1 > FILE_LINES_MAX)
    assert.deepEqual(long, [])
  })

  it('speaks the words of the glossary', () => {
    const strange: string[] = []
    for (const where of LAYERS.flat().flatMap(name => sources(`${dirOf(name)}/src`))) {
      if (FOREIGN.test(where)) continue
      const names = exportsOf(readFileSync(join(ROOT, where), 'utf8')).map(e => e.name)
      for (const name of [where.split('/').at(-1)!.replace(/\.ts$/, ''), ...names])
        if (wordsOf(name).some(word => BANNED_WORDS.has(word))) strange.push(`${where}: ${name}`)
    }
    assert.deepEqual(strange, [])
  })

  for (const name of DOCUMENTED) {
    it(`${name}: every export has a comment`, () => {
      const bare: string[] = []
      for (const where of sources(`${dirOf(name)}/src`)) {
        const lines = readFileSync(join(ROOT, where), 'utf8').split('\n')
        for (const { name, line } of exportsOf(lines.join('\n')))
          if (!/\*\/$|^\/\//.test(lines[line - 1] ?? '')) bare.push(`${where}: ${name}`)
      }
      assert.deepEqual(bare, [])
    })
  }

  it('opens every package with what it is for and a runnable use', () => {
    for (const name of LAYERS.flat().filter(name => name !== 'node')) {
      const text = readFileSync(join(ROOT, dirOf(name), 'src/index.ts'), 'utf8')
      assert.match(text, /^\/\*\*\n \* @packageDocumentation\n[\s\S]*? \* @example\n/, name)
      assert.doesNotMatch(text, /export \*/, name)
    }
  })

  it('has one major of @libp2p/interface', () => {
    const majors = new Set<string>()
    for (const dir of interfaceDirs(join(ROOT, 'node_modules'), 0)) {
      const { version } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
      majors.add(version.split('.')[0])
    }
    assert.equal(majors.size, 1)
  })
})

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

function isOnlyInComment(text: string, target: string): boolean {
  return !withoutComments(text).includes(`'@rayswarm/${target}'`)
}

/** Every installed copy of @libp2p/interface, nested ones too. */
function interfaceDirs(nodeModules: string, depth: number): string[] {
  if (depth > 3 || !existsSync(nodeModules)) return []
  const own = join(nodeModules, '@libp2p/interface')
  const nested = readdirSync(nodeModules)
    .flatMap(name =>
      name.startsWith('@') ? readdirSync(join(nodeModules, name)).map(sub => `${name}/${sub}`) : [name]
    )
    .flatMap(name => interfaceDirs(join(nodeModules, name, 'node_modules'), depth + 1))
  return existsSync(own) ? [own, ...nested] : nested
}
