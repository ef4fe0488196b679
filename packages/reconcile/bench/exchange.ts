/**
 * What an exchange costs in bytes, rounds and time, beside sending every id.
 *
 * Run: `node packages/reconcile/dist/bench/exchange.js`
 */
import { IdSet } from '../src/index.ts'
import { exchange, idsOf } from '../test/exchanges.ts'

const ID_SIZE_BYTES = 32
const CUT = Uint8Array.of(0x9d, 0x31)

interface Case {
  readonly name: string
  readonly common: number
  readonly onlyOurs: number
  readonly onlyTheirs: number
}

const cases: readonly Case[] = [
  { name: 'in sync', common: 20_000, onlyOurs: 0, onlyTheirs: 0 },
  { name: 'one new', common: 20_000, onlyOurs: 0, onlyTheirs: 1 },
  { name: '200 missing of 20k', common: 19_800, onlyOurs: 0, onlyTheirs: 200 },
  { name: '100 + 100 of 20k', common: 19_800, onlyOurs: 100, onlyTheirs: 100 },
  { name: '500 missing of 500', common: 0, onlyOurs: 0, onlyTheirs: 500 },
  { name: '100 missing of 1M', common: 999_900, onlyOurs: 0, onlyTheirs: 100 },
  { name: '10k missing of 1M', common: 990_000, onlyOurs: 0, onlyTheirs: 10_000 }
]

const all = idsOf(0, 1_000_000)

function elapsedMs<T>(fn: () => T): [value: T, ms: number] {
  const from = performance.now()
  const value = fn()
  return [value, performance.now() - from]
}

/** Both send every id and compare. */
function naive(ours: readonly Uint8Array[], theirs: readonly Uint8Array[]): number {
  const known = new Set(theirs.map(id => Buffer.from(id).toString('latin1')))
  let lackedCount = 0
  for (const id of ours) if (!known.has(Buffer.from(id).toString('latin1'))) lackedCount++
  return lackedCount
}

const columns = ['rounds', 'bytes', 'all ids', 'ratio', 'ms', 'all ids', 'add/s']
console.log(''.padEnd(22) + columns.map(text => text.padStart(11)).join(''))
for (const { name, common, onlyOurs, onlyTheirs } of cases) {
  const ours = all.slice(0, common + onlyOurs)
  const theirs = [...all.slice(0, common), ...all.slice(common + onlyOurs, common + onlyOurs + onlyTheirs)]
  const [set, addMs] = elapsedMs(() => new IdSet(ours))
  const other = new IdSet(theirs)
  const [{ rounds, sizeBytes }, ms] = elapsedMs(() => exchange(set, other, { cut: CUT }))
  const [, naiveMs] = elapsedMs(() => naive(ours, theirs))
  const naiveSizeBytes = (ours.length + theirs.length) * ID_SIZE_BYTES
  const values = [
    rounds,
    sizeBytes,
    naiveSizeBytes,
    (sizeBytes / naiveSizeBytes).toFixed(4),
    ms.toFixed(1),
    naiveMs.toFixed(1),
    Math.round((ours.length / addMs) * 1_000)
  ]
  console.log(name.padEnd(22) + values.map(value => String(value).padStart(11)).join(''))
}
