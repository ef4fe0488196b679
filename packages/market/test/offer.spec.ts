import assert from 'node:assert/strict'
import type { IneligibleReason, Offer } from '@rayswarm/interface'
import { toHex } from '@rayswarm/wire'
import {
  eligible,
  escrowIdOf,
  judgeOffer,
  type NodeFacts,
  type OfferFacts,
  priceOf,
  quote
} from '../src/index.ts'
import {
  accountOf,
  CHAIN_ID,
  CLASS,
  CONTRACT,
  CREATED_AT_MS,
  DEADLINE_MS,
  escrow,
  offer,
  signedOffer,
  spec
} from './fixtures.ts'

const END_MS = CREATED_AT_MS + DEADLINE_MS

describe('priceOf', () => {
  it('rounds up and never gives nothing', () => {
    assert.equal(priceOf(1_000_000, 7n), 7n)
    assert.equal(priceOf(1_000_001, 7n), 8n)
    assert.equal(priceOf(1, 1n), 1n)
    assert.equal(priceOf(0, 7n), 1n)
    assert.equal(priceOf(1_000_000, 0n), 1n)
  })

  it('is exact beyond the numbers a double can hold', () => {
    const price = 2n ** 64n - 1n
    assert.equal(priceOf(Number.MAX_SAFE_INTEGER, price), ((2n ** 53n - 1n) * price + 999_999n) / 1_000_000n)
  })

  it('refuses work that is not a whole number below 2^53', () => {
    for (const units of [0.5, -1, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => priceOf(units, 1n), RangeError)
  })
})

describe('quote', () => {
  const subtask = (index: number, workUnits: number) => ({
    id: `subtask-${index}`,
    job: 'job',
    index,
    workUnits,
    work: {
      kind: 'render' as const,
      frames: [index],
      tile: { xPx: 0, yPx: 0, widthPx: 1, heightPx: 1 },
      samples: { from: 0, to: 1 }
    }
  })

  it('adds up what each quorum costs at the cap, rounded per subtask', () => {
    assert.deepEqual(quote(spec({ pricePerMegaUnitMax: 3n }), [subtask(0, 1_000_001), subtask(1, 1)]), {
      subtaskCount: 2,
      workUnits: 1_000_002,
      budget: 2n * 4n + 2n * 1n
    })
  })

  it('of no work is nothing', () => {
    assert.deepEqual(quote(spec(), []), { subtaskCount: 0, workUnits: 0, budget: 0n })
  })
})

describe('judgeOffer', () => {
  const judged = (body: Offer, nowMs = CREATED_AT_MS, by = 'creator') => {
    const admission = judgeOffer(signedOffer(body, by), nowMs)
    return admission.action === 'accept' ? 'accept' : `${admission.action} ${admission.fault}`
  }

  it('accepts a sound offer until its deadline', () => {
    assert.equal(judged(offer()), 'accept')
    assert.equal(judged(offer(), END_MS - 1), 'accept')
    assert.equal(judged(offer(), END_MS), 'ignore deadline-passed')
  })

  it('forgives clocks that are a little off', () => {
    const early = CREATED_AT_MS - 2 * 60 * 1_000
    assert.equal(judged(offer(), early), 'accept')
    assert.equal(judged(offer(), early - 1), 'ignore from-the-future')
  })

  it('rejects an offer of somebody else', () => {
    assert.equal(judged(offer(), CREATED_AT_MS, 'mallory'), 'reject wrong-signer')
    assert.equal(judgeOffer({ ...signedOffer(), type: 'bid' }, CREATED_AT_MS).action, 'reject')
  })

  it('rejects an escrow that is not this job’s', () => {
    assert.equal(judged(offer({ escrowSalt: `0x${'0'.repeat(64)}` })), 'reject wrong-escrow')
    assert.equal(judged(offer({ account: accountOf('mallory') })), 'reject wrong-escrow')
    assert.equal(judged(offer({ escrow: offer().escrow }, spec({ nonce: 1 }))), 'reject wrong-escrow')
  })

  it('rejects a job without a price', () => {
    assert.equal(judged(offer({}, spec({ pricePerMegaUnitMax: 0n }))), 'reject no-price')
  })

  it('rejects witnesses that could contradict each other, ignores those it cannot draw', () => {
    const witnesses = (witnessCount: number, quorum: number) =>
      judged(offer({ witness: { witnessCount, quorum } }))
    assert.equal(witnesses(4, 2), 'reject quorum-minority')
    assert.equal(witnesses(1, 2), 'reject quorum-minority')
    assert.equal(witnesses(7, 5), 'reject no-epoch')
  })
})

describe('escrowIdOf', () => {
  // keccak256(abi.encode(address(1), bytes32(uint256(2)), bytes32(uint256(3)))), computed with ethers' AbiCoder.
  it('is what the contract derives', () => {
    const word = (value: number): Uint8Array => {
      const bytes = new Uint8Array(32)
      bytes[31] = value
      return bytes
    }
    const creator = `0x${'0'.repeat(39)}1`
    assert.equal(
      escrowIdOf(creator, toHex(word(2)), toHex(word(3))),
      '0x6e0c627900b24bd432fe7b1f713f1b0744091a646a9fe4a65a18dfed21f2949c'
    )
  })
})

describe('eligible', () => {
  const facts: NodeFacts = {
    probes: [
      { engine: 'blender', equivalenceClass: 'blender/4', concurrency: 1 },
      { engine: 'pathtracer', equivalenceClass: CLASS, concurrency: 2 }
    ],
    memoryBytes: 1_000_000,
    pricePerMegaUnitMin: 1_000n,
    workloads: ['render'],
    chainId: CHAIN_ID,
    contract: CONTRACT,
    creatorScoreMinBps: 500
  }
  const world: OfferFacts = { escrow: escrow(), budget: 8_000n, creatorScoreBps: 500, nowMs: CREATED_AT_MS }
  const none = { ...world, escrow: undefined }

  it('names the engine to use', () => {
    assert.deepEqual(eligible(offer(), facts, world), { eligible: true, probe: facts.probes[1] })
  })

  const deadlineS = Math.ceil((CREATED_AT_MS + offer().spec.deadlineAfterMs) / 1_000)
  it('takes an escrow that is locked until the deadline', () => {
    const until = { ...world, escrow: escrow({ refundableAtS: deadlineS }) }
    assert.equal(eligible(offer(), facts, until).eligible, true)
  })

  const ref = { ...offer().escrow, id: `0x${'1'.repeat(64)}` }
  for (const [why, reason, otherFacts, otherWorld] of [
    ['its deadline has passed', 'deadline-passed', {}, { nowMs: END_MS }],
    ['it pays on another chain', 'wrong-chain', { chainId: 1 }, {}],
    ['it pays from another contract', 'wrong-chain', { contract: accountOf('other') }, {}],
    ['the operator does not allow the workload', 'workload-not-allowed', { workloads: [] }, {}],
    ['the engine is not here', 'engine-missing', { probes: facts.probes.slice(0, 1) }, {}],
    ['the engine may not run', 'engine-missing', { probes: [{ ...facts.probes[1]!, concurrency: 0 }] }, {}],
    ['it needs more memory', 'memory-too-low', { memoryBytes: 999_999 }, {}],
    ['it pays less than the floor', 'price-too-low', { pricePerMegaUnitMin: 1_001n }, {}],
    ['the creator is distrusted', 'creator-distrusted', {}, { creatorScoreBps: 499 }],
    ['nothing is locked', 'escrow-missing', {}, none],
    ['the lock may still be undone', 'escrow-missing', {}, { escrow: escrow({ final: false }) }],
    ['the escrow is settled', 'escrow-missing', {}, { escrow: escrow({ state: 'settled' }) }],
    [
      'the escrow is another creator’s',
      'escrow-missing',
      {},
      { escrow: escrow({ creator: accountOf('x') }) }
    ],
    [
      'the escrow names witnesses, and the offer does not',
      'escrow-missing',
      {},
      { escrow: escrow({ appointed: `0x${'ab'.repeat(32)}` }) }
    ],
    ['the escrow is another one', 'escrow-missing', {}, { escrow: escrow({ ref }) }],
    ['the escrow may be taken back now', 'escrow-missing', {}, { escrow: escrow({ refundableAtS: 1_000 }) }],
    [
      'the escrow may be taken back a second before the deadline',
      'escrow-missing',
      {},
      { escrow: escrow({ refundableAtS: deadlineS - 1 }) }
    ],
    ['too little is locked', 'escrow-too-low', {}, { escrow: escrow({ locked: 7_999n }) }]
  ] as const satisfies readonly (readonly [
    string,
    IneligibleReason,
    Partial<NodeFacts>,
    Partial<OfferFacts>
  ])[]) {
    it(`declines if ${why}`, () => {
      const judged = eligible(offer(), { ...facts, ...otherFacts }, { ...world, ...otherWorld })
      assert.deepEqual(judged, { eligible: false, reason })
    })
  }

  it('takes a creator nothing is known of, and accounts in any spelling', () => {
    const { creatorScoreBps: _, ...rest } = world
    const judged = eligible(
      offer(),
      { ...facts, contract: CONTRACT.toLowerCase() },
      { ...rest, creatorScoreBps: undefined }
    )
    assert.equal(judged.eligible, true)
  })
})
