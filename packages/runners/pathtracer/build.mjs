// Compiles assembly/ to build/kernel.wasm with the pinned AssemblyScript, unless it is newer than its sources.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = import.meta.dirname
const target = join(here, 'build/kernel.wasm')
const sources = [join(here, 'build.mjs'), ...readdirSync(join(here, 'assembly')).map(name => join(here, 'assembly', name))]

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

if (changedAt(target) < Math.max(...sources.map(changedAt))) {
  const compiler = fileURLToPath(import.meta.resolve('assemblyscript/bin/asc.js'))
  const unfinished = `build/kernel.${process.pid}.wasm`
  mkdirSync(dirname(target), { recursive: true })
  const options = [
    ['assembly/index.ts', '--outFile', unfinished],
    ['--runtime', 'stub', '--use', 'abort=', '--noAssert', '--enable', 'simd'],
    ['--optimizeLevel', '3', '--shrinkLevel', '0', '--disableWarning', '112'],
    ['--initialMemory', '16', '--maximumMemory', '65536']
  ]
  execFileSync(process.execPath, [compiler, ...options.flat()], { cwd: here, stdio: 'inherit' })
  renameSync(join(here, unfinished), target)
}
