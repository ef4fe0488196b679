import assert from 'node:assert/strict'
import { type Appointment, type Chain, isRayswarmError, type SettlementOrder } from '@rayswarm/interface'
import { type ChainWorld, MemoryChain } from '@rayswarm/simulation'
import { id } from 'ethers'
import fc from 'fast-check'
import { TestBed } from './world.ts'

const RUNS = 25
const STEPS_MAX = 25
const GENESIS_S = 2_000_000_000
const REFUND_AFTER_S = 100

/** One thing somebody does. Numbers index accounts, jobs and so on. */
type Step =
  | { does: 'lock'; who: number; job: number; amount: bigint; refundAfterS: number }
  | { does: 'settle'; who: number; signer: number; job: JobOf; payouts: Entries; tampers: boolean }
  | { does: 'appoint'; who: number; job: JobOf; views: Views; quorum: number }
  | {
      does: 'settleByWitnesses'
      who: number
      job: JobOf
      views: Views
      quorum: number
      signers: readonly number[]
      payouts: Entries
      tampers: boolean
    }
  | { does: 'refund'; who: number; job: JobOf }
  | { does: 'withdraw'; who: number; account: number }
  | { does: 'sweep' }
  | { does: 'wait'; seconds: number }
interface JobOf {
  readonly creator: number
  readonly job: number
}
/** Indices of accounts, by view. */
type Views = readonly (readonly number[])[]
type Entries = readonly { readonly account: number; readonly gross: bigint }[]

const who = fc.nat(3)
const job = fc.nat(1)
const jobOf = fc.record({ creator: fc.constantFrom(0, 0, 0, 1), job })
// Near the edges: dust that rounds to nothing, the whole lock, one more than it.
const amount = fc.constantFrom(0n, 1n, 19n, 20n, 999n, 1_000n, 1_001n, 5_000n)
const gross = fc.constantFrom(0n, 1n, 19n, 20n, 39n, 333n, 1_000n, 1_001n)
const entry = fc.record({ account: who, gross })
const sorted = fc
  .uniqueArray(entry, { maxLength: 3, selector: ({ account }) => account })
  .map(entries => entries.toSorted((a, b) => a.account - b.account))
const settle = fc.record({
  does: fc.constant('settle' as const),
  who,
  signer: fc.constantFrom(0, 0, 0, 0, 1),
  job: jobOf,
  payouts: fc.oneof({ weight: 4, arbitrary: sorted }, fc.array(entry, { maxLength: 3 })),
  tampers: fc.constantFrom(false, false, false, false, true)
})
const lock = fc.record({
  does: fc.constant('lock' as const),
  who: fc.constantFrom(0, 0, 0, 1),
  job,
  amount,
  refundAfterS: fc.constantFrom(REFUND_AFTER_S, REFUND_AFTER_S, REFUND_AFTER_S, 1, 0)
})
const TWO_VIEWS: Views = [
  [3, 1],
  [2, 0]
]
// Few different appointments, so that what settles is often what was appointed; 4 is the zero account.
const committee = fc.constantFrom(
  { views: [[3, 1, 2]], quorum: 2 },
  { views: [[3, 1, 2]], quorum: 2 },
  { views: [[3, 1, 2]], quorum: 3 },
  { views: [[1, 2, 3]], quorum: 2 },
  { views: [[2]], quorum: 1 },
  { views: [[1, 2]], quorum: 1 },
  { views: [[1, 2, 1]], quorum: 2 },
  { views: TWO_VIEWS, quorum: 2 },
  { views: TWO_VIEWS, quorum: 2 },
  { views: [[1], [2], [3], [0], [1]], quorum: 1 },
  { views: [[1, 4]], quorum: 2 },
  { views: [[]], quorum: 0 }
)
const appoint = fc
  .tuple(fc.constantFrom(0, 0, 0, 1), jobOf, committee)
  .map(([caller, of, appointed]) => ({ does: 'appoint' as const, who: caller, job: of, ...appointed }))
const settleByWitnesses = fc
  .record({
    who,
    job: jobOf,
    signers: fc.oneof(fc.constantFrom([1, 3], [0, 2]), fc.array(who, { maxLength: 4 })),
    payouts: fc.oneof({ weight: 4, arbitrary: sorted }, fc.array(entry, { maxLength: 3 })),
    tampers: fc.constantFrom(false, false, false, false, true),
    appointed: committee
  })
  .map(({ appointed, ...rest }) => ({ does: 'settleByWitnesses' as const, ...appointed, ...rest }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: lock },
  { weight: 4, arbitrary: settle },
  { weight: 3, arbitrary: appoint },
  { weight: 3, arbitrary: settleByWitnesses },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('refund' as const), who, job: jobOf }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('withdraw' as const), who, account: who }) },
  { weight: 1, arbitrary: fc.constant({ does: 'sweep' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('wait' as const),
      seconds: fc.constantFrom(1, REFUND_AFTER_S - 1, REFUND_AFTER_S)
    })
  }
)

// Every kind of step succeeding once, so that the property never proves less than this.
const FIRST: JobOf = { creator: 0, job: 0 }
const SECOND: JobOf = { creator: 0, job: 1 }
const THIRD: JobOf = { creator: 1, job: 0 }
const FOURTH: JobOf = { creator: 1, job: 1 }
const WITNESSES = { views: [[3, 1, 2]], quorum: 2 }
const BY_WITNESSES = {
  does: 'settleByWitnesses',
  who: 0,
  job: THIRD,
  ...WITNESSES,
  signers: [2, 3],
  payouts: [{ account: 1, gross: 39n }],
  tampers: false
} as const
const BY_VIEWS = {
  ...BY_WITNESSES,
  job: FOURTH,
  views: TWO_VIEWS,
  signers: [0, 2],
  payouts: [{ account: 3, gross: 19n }]
} as const
const EVERYTHING: Step[] = [
  { does: 'lock', who: 0, job: 0, amount: 1_000n, refundAfterS: REFUND_AFTER_S },
  { does: 'lock', who: 0, job: 1, amount: 999n, refundAfterS: REFUND_AFTER_S },
  {
    does: 'settle',
    who: 3,
    signer: 0,
    job: FIRST,
    payouts: [
      { account: 1, gross: 333n },
      { account: 2, gross: 39n }
    ],
    tampers: false
  },
  { does: 'lock', who: 1, job: 0, amount: 1_000n, refundAfterS: REFUND_AFTER_S },
  { does: 'appoint', who: 1, job: THIRD, ...WITNESSES },
  { does: 'appoint', who: 1, job: THIRD, ...WITNESSES, quorum: 3 },
  { ...BY_WITNESSES, signers: [0, 3] },
  { ...BY_WITNESSES, quorum: 1 },
  { does: 'settle', who: 1, signer: 1, job: THIRD, payouts: [], tampers: false },
  BY_WITNESSES,
  // What the creator asks then is answered with what happened.
  { ...BY_WITNESSES, signers: [] },
  { does: 'settle', who: 1, signer: 1, job: THIRD, payouts: [], tampers: false },
  { does: 'lock', who: 1, job: 1, amount: 20n, refundAfterS: REFUND_AFTER_S },
  { does: 'appoint', who: 1, job: FOURTH, views: TWO_VIEWS, quorum: 2 },
  { ...BY_VIEWS, signers: [1, 2] },
  BY_VIEWS,
  { does: 'withdraw', who: 3, account: 1 },
  { does: 'withdraw', who: 3, account: 2 },
  { does: 'sweep' },
  { does: 'wait', seconds: REFUND_AFTER_S - 1 },
  { does: 'refund', who: 3, job: SECOND },
  { does: 'wait', seconds: 1 },
  { does: 'refund', who: 3, job: SECOND }
]

const KINDS = ['lock', 'appoint', 'settle', 'settleByWitnesses', 'refund', 'withdraw', 'sweep'] as const
const NOBODY = `0x${'0'.repeat(40)}`

describe('EthersChain and MemoryChain', () => {
  let bed: TestBed
  before(async () => {
    bed = await TestBed.start()
  })
  after(() => bed.stop())

  it('give the same results and hold the same money, whatever happens', async function () {
    this.timeout(120_000)
    const seen = new Set<string>()
    const trace = fc.array(step, { minLength: 5, maxLength: STEPS_MAX })
    await fc.assert(
      fc.asyncProperty(trace, async steps => {
        const real = await bed.open()
        const twin = twinOf(real, bed)
        try {
          await startTogether(real, twin, bed)
          for (const next of steps) {
            const [expected, got] = [await play(real, next), await play(twin, next)]
            assert.deepEqual(got, expected, `${next.does} differs`)
            seen.add(`${next.does}: ${expected.failed ?? 'done'}`)
            assert.deepEqual(await moneyOf(twin), await moneyOf(real), `money differs after ${next.does}`)
          }
        } finally {
          await real.close()
        }
      }),
      { numRuns: RUNS, examples: [[EVERYTHING]] }
    )
    // A trace that only fails proves nothing.
    const refusals = [
      'appoint: ERR_CHAIN_REVERTED AlreadyAppointed',
      'settle: ERR_CHAIN_REVERTED WitnessesDecide',
      'settleByWitnesses: ERR_CHAIN_REVERTED QuorumNotMet',
      'settleByWitnesses: ERR_CHAIN_REVERTED NotAppointed'
    ]
    for (const happened of [...KINDS.map(kind => `${kind}: done`), ...refusals])
      assert.ok(seen.has(happened), `never happened: ${happened}; only ${[...seen].join(', ')}`)
  })
})

/** The twin, with the same accounts, treasury and clock. */
function twinOf(real: ChainWorld, bed: TestBed): ChainWorld {
  let nowS = GENESIS_S
  const { contract } = bed.deployment
  const chain = new MemoryChain({ nowMs: () => nowS * 1_000, contract, treasury: real.treasury })
  return {
    views: real.views.map(({ account }) => chain.viewOf(account)),
    treasury: chain.treasury,
    fund: async (account, funds) => chain.fund(account, funds),
    advance: async seconds => {
      nowS += seconds
    },
    nowS: async () => nowS,
    supply: async () => chain.supply,
    sweepTreasury: async () => chain.sweepTreasury(),
    close: async () => {}
  }
}

async function startTogether(real: ChainWorld, twin: ChainWorld, bed: TestBed): Promise<void> {
  for (const world of [real, twin]) {
    await world.fund(world.views[0]!.account, 3_000n)
    await world.fund(world.views[1]!.account, 1_000n)
  }
  // Chain time stands still but for `wait`, as in the twin.
  await bed.dev.request('anvil_setBlockTimestampInterval', [0])
  await bed.dev.request('evm_setNextBlockTimestamp', [GENESIS_S])
  await bed.dev.request('evm_mine', [])
  real.advance = async seconds => {
    await bed.dev.request('evm_setNextBlockTimestamp', [(await real.nowS()) + seconds])
    await bed.dev.request('evm_mine', [])
  }
}

/** The result without transaction hashes, which differ of course. */
async function play(world: ChainWorld, next: Step): Promise<{ result?: unknown; failed?: string }> {
  try {
    const result = await act(world, next)
    if (typeof result !== 'object' || result === null) return { result }
    const { txHash: _, ...rest } = result as { txHash?: unknown }
    return { result: rest }
  } catch (error) {
    if (!isRayswarmError(error)) throw error
    return { failed: `${error.code} ${error.value}` }
  }
}

async function act(world: ChainWorld, next: Step): Promise<unknown> {
  if (next.does === 'wait') return await world.advance(next.seconds)
  if (next.does === 'sweep') return await world.sweepTreasury()
  const view = world.views[next.who]!
  if (next.does === 'withdraw') return await view.withdraw(world.views[next.account]!.account)
  if (next.does === 'lock')
    return await view.lock({ ...termsOf(next.job), amount: next.amount, refundAfterS: next.refundAfterS })
  const ref = refOf(world, next.job)
  if (next.does === 'refund') return await view.refund(ref)
  if (next.does === 'appoint') return await view.appoint(ref, appointmentOf(world, next))
  const ranked = world.views.map(({ account }) => account).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const payouts = next.payouts.map(each => ({ account: ranked[each.account]!, gross: each.gross }))
  const order: SettlementOrder = { escrow: ref, payouts, receiptsRoot: id('root') }
  const sent = next.tampers ? { ...order, receiptsRoot: id('other') } : order
  if (next.does === 'settle')
    return await view.settle(sent, await world.views[next.signer]!.signSettlement(order))
  const signatures = await Promise.all(
    next.signers.map(async signer => ({
      account: world.views[signer]!.account,
      signature: await world.views[signer]!.signSettlement(order)
    }))
  )
  return await view.settleByWitnesses(sent, appointmentOf(world, next), signatures)
}

function appointmentOf(
  world: ChainWorld,
  { views, quorum }: { readonly views: Views; readonly quorum: number }
): Appointment {
  const accounts = views.map(view => view.map(index => world.views[index]?.account ?? NOBODY))
  return { views: accounts, quorum }
}

/** Everything a base unit can be: balance, credit or lock, and the supply over all. */
async function moneyOf(world: ChainWorld): Promise<unknown> {
  const view = world.views[0]!
  const accounts = world.views.map(({ account }) => account)
  const owners = [...accounts, world.treasury, view.contract]
  const jobs = [0, 1].flatMap(creator => [0, 1].map(index => ({ creator, job: index })))
  return await Promise.all([
    world.supply(),
    ...owners.map(account => view.balanceOf(account)),
    ...accounts.map(account => view.creditOf(account)),
    ...jobs.map(each => view.escrow(refOf(world, each)))
  ])
}

function refOf(world: ChainWorld, { creator, job: index }: JobOf): ReturnType<Chain['escrowRef']> {
  return world.views[creator]!.escrowRef({ ...termsOf(index), amount: 0n, refundAfterS: 0 })
}

function termsOf(index: number): { jobHash: string; salt: string } {
  return { jobHash: id('job'), salt: id(`salt ${index}`) }
}

function keyOf(account: string): string {
  return account.toLowerCase()
}
