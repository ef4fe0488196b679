/**
 * Builds `artifacts/` from `contracts/`. Development only: what users need of it is committed.
 *
 * Run: `node compile.ts`, in this package.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import solc from 'solc'

const require = createRequire(import.meta.url)

/** Contracts whose artifact is committed; all others are for tests. */
export const PUBLISHED = ['WorkToken', 'JobEscrow', 'NodeRegistry'] as const

export interface Artifact {
  readonly contractName: string
  readonly compiler: string
  readonly abi: readonly unknown[]
  readonly bytecode: string
}

interface Complaint {
  readonly severity: string
  readonly formattedMessage: string
  readonly sourceLocation?: { readonly file: string }
}

interface Output {
  readonly errors?: readonly Complaint[]
  readonly contracts: Record<
    string,
    Record<string, { abi: unknown[]; evm: { bytecode: { object: string } } }>
  >
}

/** Compile every contract of the package at `root`, those for tests included. */
export function compile(root: string): Map<string, Artifact> {
  const dir = join(root, 'contracts')
  const sources: Record<string, { content: string }> = {}
  for (const path of readdirSync(dir, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (path.endsWith('.sol')) {
      const content = readFileSync(join(dir, path), 'utf8')
      sources[`contracts/${path.replaceAll('\\', '/')}`] = { content }
    }
  }
  const input = {
    language: 'Solidity',
    sources,
    settings: {
      evmVersion: 'cancun',
      optimizer: { enabled: true, runs: 200 },
      // Without the metadata trailer the bytecode depends on the code alone, not on comments.
      metadata: { appendCBOR: false, bytecodeHash: 'none' },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } }
    }
  }
  const output: Output = JSON.parse(solc.compile(JSON.stringify(input), { import: dependency }))
  // Warnings count in our own sources only: the guard we import is warned about whatever we do.
  const errors = (output.errors ?? []).filter(
    ({ severity, sourceLocation }) => severity === 'error' || sourceLocation?.file.startsWith('contracts/')
  )
  if (errors.length > 0) throw new Error(errors.map(error => error.formattedMessage).join('\n'))

  const artifacts = new Map<string, Artifact>()
  for (const path of Object.keys(sources)) {
    for (const [contractName, { abi, evm }] of Object.entries(output.contracts[path] ?? {})) {
      const bytecode = `0x${evm.bytecode.object}`
      artifacts.set(contractName, { contractName, compiler: solc.version(), abi, bytecode })
    }
  }
  return artifacts
}

/** Text of a committed artifact file. */
export function artifactText(artifact: Artifact): string {
  return `${JSON.stringify(artifact, undefined, 2)}\n`
}

function dependency(path: string): { contents: string } | { error: string } {
  try {
    return { contents: readFileSync(require.resolve(path), 'utf8') }
  } catch (error) {
    return { error: String(error) }
  }
}

if (process.argv[1] === import.meta.filename) {
  const artifacts = compile(import.meta.dirname)
  mkdirSync(join(import.meta.dirname, 'artifacts'), { recursive: true })
  for (const name of PUBLISHED) {
    writeFileSync(join(import.meta.dirname, 'artifacts', `${name}.json`), artifactText(artifacts.get(name)!))
  }
}
