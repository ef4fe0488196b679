// Explores one world and prints what it finds, for people: node packages/lease/dist/test/check.js 7/5/3
import { explore, printFinding } from './checker.ts'
import { RULES } from './events.ts'
import { MAJORITY } from './mutants.ts'

const [m = 3, q = 2, b = 1] = (process.argv[2] ?? '3/2/1').split('/').map(Number)
const { stateCount, complete, broken } = explore(RULES, { ...MAJORITY, m, q, b, leasesMayClash: true })
const verdict = complete ? 'every state keeps the rules' : 'every state so far keeps the rules'
process.stdout.write(
  `m ${m}, q ${q}, b ${b}: ${stateCount} states\n${broken ? printFinding(broken) : verdict}\n`
)
