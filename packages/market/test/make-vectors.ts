// Writes spec/vectors/market.json. Run it by hand after a deliberate change of the rules, and read the difference:
// node packages/market/dist/test/make-vectors.js
import { writeFileSync } from 'node:fs'
import type { JobSpec, Subtask } from '@rayswarm/interface'
import { jobHashOf, jobIdOf } from '@rayswarm/wire'
import { eligible, escrowIdOf, match, type NodeFacts, type OfferFacts, priceOf, quote } from '../src/index.ts'
import {
  accountOf,
  CHAIN_ID,
  CLASS,
  CONTRACT,
  CREATED_AT_MS,
  DEADLINE_MS,
  escrow,
  offer,
  openReplica,
  spec,
  standing
} from './fixtures.ts'
import { printVectors, VECTORS_FILE } from './vectors.ts'

const priceCase = (name: string, workUnits: number, pricePerMegaUnit: bigint) => ({
  ...{ name, workUnits, pricePerMegaUnit },
  price: priceOf(workUnits, pricePerMegaUnit)
})

const quoteCase = (name: string, jobSpec: JobSpec, workUnits: readonly number[]) => {
  const subtasks = workUnits.map(units => ({ workUnits: units }) as Subtask)
  return { name, spec: jobSpec, workUnits, budget: quote(jobSpec, subtasks).budget }
}

const facts: NodeFacts = {
  probes: [{ engine: 'pathtracer', equivalenceClass: CLASS, concurrency: 2 }],
  memoryBytes: 1_000_000,
  pricePerMegaUnitMin: 1_000n,
  workloads: ['render'],
  chainId: CHAIN_ID,
  contract: CONTRACT,
  creatorScoreMinBps: 0
}
const world: OfferFacts = { escrow: escrow(), budget: 8_000n, creatorScoreBps: 909, nowMs: CREATED_AT_MS }
const eligibleCase = (name: string, otherFacts: Partial<NodeFacts>, otherWorld: Partial<OfferFacts>) => {
  const input = { offer: offer(), facts: { ...facts, ...otherFacts }, world: { ...world, ...otherWorld } }
  const judged = eligible(input.offer, input.facts, input.world)
  return { name, ...input, reason: judged.eligible ? null : judged.reason }
}

const matchCase = (
  name: string,
  open: readonly ReturnType<typeof openReplica>[],
  bids: readonly ReturnType<typeof standing>[]
) => {
  const { grants, reasons } = match(spec(), open, bids)
  return { name, spec: spec(), open, bids, grants, reasons: [...reasons].sort() }
}

const { account, escrowSalt } = offer()
const jobHash = jobHashOf(jobIdOf(spec()))
writeFileSync(
  VECTORS_FILE,
  printVectors({
    price: [
      priceCase('a million units cost the price', 1_000_000, 7n),
      priceCase('one more is rounded up', 1_000_001, 7n),
      priceCase('nothing costs one', 0, 7n),
      priceCase('free work costs one', 1_000_000, 0n),
      priceCase('largest numbers are exact', Number.MAX_SAFE_INTEGER, 2n ** 64n - 1n)
    ],
    quote: [
      quoteCase(
        'each subtask pays its quorum, rounded on its own',
        spec({ pricePerMegaUnitMax: 3n }),
        [1_000_001, 1]
      ),
      quoteCase('no work, no budget', spec(), [])
    ],
    escrowId: [
      {
        name: 'of a job',
        creator: account,
        jobHash,
        salt: escrowSalt,
        id: escrowIdOf(account, jobHash, escrowSalt)
      }
    ],
    eligible: [
      eligibleCase('a node that can and may', {}, {}),
      eligibleCase('the deadline is the first instant too late', {}, { nowMs: CREATED_AT_MS + DEADLINE_MS }),
      eligibleCase('another chain', { chainId: 1 }, {}),
      eligibleCase('no such workload', { workloads: [] }, {}),
      eligibleCase('no such engine', { probes: [] }, {}),
      eligibleCase('too little memory', { memoryBytes: 999_999 }, {}),
      eligibleCase('too cheap', { pricePerMegaUnitMin: 1_001n }, {}),
      eligibleCase('a distrusted creator', { creatorScoreMinBps: 910 }, {}),
      eligibleCase('a lock that may be undone', {}, { escrow: escrow({ final: false }) }),
      eligibleCase('the escrow of another', {}, { escrow: escrow({ creator: accountOf('x') }) }),
      eligibleCase('a lock below the budget', {}, { escrow: escrow({ locked: 7_999n }) })
    ],
    match: [
      matchCase(
        'one each before anybody gets a second',
        [openReplica(0, 0), openReplica(1, 0), openReplica(2, 0)],
        [standing('greedy', { freePlaces: 3, pricePerMegaUnit: 1n }), standing('bob')]
      ),
      matchCase(
        'one replica of a subtask per peer and account',
        [openReplica(0, 0), openReplica(0, 1)],
        [
          standing('alice', { freePlaces: 2 }),
          standing('twin', { account: accountOf('alice'), pricePerMegaUnit: 501n })
        ]
      ),
      matchCase(
        'one class per subtask',
        [openReplica(0, 0), openReplica(0, 1)],
        [
          standing('alice', { pricePerMegaUnit: 1n }),
          standing('bob', { equivalenceClass: 'pathtracer/2/wasm' })
        ]
      ),
      matchCase(
        'a score is worth up to half the price',
        [openReplica(0, 0)],
        [
          standing('none', { pricePerMegaUnit: 400n }, { scoreBps: 0 }),
          standing('full', { pricePerMegaUnit: 799n }, { scoreBps: 10_000 })
        ]
      ),
      matchCase(
        'ties go by hash',
        [openReplica(0, 0), openReplica(1, 0)],
        ['a', 'b', 'c'].map(name => standing(name))
      ),
      matchCase(
        'every no has a reason',
        [openReplica(0, 0, { holders: ['old'], equivalenceClass: CLASS })],
        [
          standing('old'),
          standing('dear', { pricePerMegaUnit: 1_001n }),
          standing('small', { memoryBytes: 1 }),
          standing('full', { freePlaces: 0 }),
          standing('other', { equivalenceClass: 'pathtracer/2/wasm' }),
          standing('slow', { pricePerMegaUnit: 900n }),
          standing('quick')
        ]
      )
    ]
  })
)
