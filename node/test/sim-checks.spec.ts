import assert from 'node:assert/strict'
import type { Amount, PeerId, Receipt } from '@rayswarm/interface'
import { receiptsTree } from '@rayswarm/settlement'
import { VirtualKeys } from '@rayswarm/simulation'
import {
  cidOf,
  encodeMessage,
  message,
  peerIdOf,
  type SignedType,
  signed,
  toAccount,
  type WireContext
} from '@rayswarm/wire'
import { CHECKS, violationsOf, Watch, type WorldFacts } from '../src/sim/index.ts'

const ALICE: PeerId = peerIdOf(new Uint8Array(32).fill(1))
const BOB: PeerId = peerIdOf(new Uint8Array(32).fill(2))
const [ALICE_PAY, BOB_PAY] = [toAccount(`0x${'a1'.repeat(20)}`)!, toAccount(`0x${'b2'.repeat(20)}`)!] as const
const JOB = cidOf({ job: 1 })
const ESCROW = { chainId: 31_337, contract: toAccount(`0x${'cc'.repeat(20)}`)!, id: `0x${'11'.repeat(32)}` }

function receipt(subtask: number, replica: number, node: PeerId, account: string): Receipt {
  return {
    replica: { job: JOB, subtask, replica, generation: 0 },
    node,
    account,
    gross: 10n,
    digest: `0x${'22'.repeat(32)}`
  }
}

/** Books that balance: one subtask of two replicas, Alice and Bob paid ten each, of which one is burned and one taxed. */
function facts(changes: Partial<WorldFacts> = {}): WorldFacts {
  const receipts = [receipt(0, 0, ALICE, ALICE_PAY), receipt(0, 1, BOB, BOB_PAY)]
  const account = (name: string, peer: PeerId, pay: string, credit: Amount) => ({
    name,
    peer,
    account: pay,
    balance: 0n,
    credit
  })
  return {
    expect: 'complete',
    settled: {
      order: {
        escrow: ESCROW,
        payouts: [
          { account: ALICE_PAY, gross: 10n },
          { account: BOB_PAY, gross: 10n }
        ],
        receiptsRoot: receiptsTree(receipts).root
      },
      outcome: {
        txHash: `0x${'33'.repeat(32)}`,
        receiptsRoot: receiptsTree(receipts).root,
        paid: 16n,
        burned: 2n,
        treasury: 2n,
        refunded: 5n,
        credits: [
          { account: ALICE_PAY, amount: 8n },
          { account: BOB_PAY, amount: 8n }
        ]
      },
      locked: 25n
    },
    books: { subtaskCount: 1, acceptedCount: 1, receipts },
    undeserving: new Set(),
    accounts: [account('alice', ALICE, ALICE_PAY, 8n), account('bob', BOB, BOB_PAY, 8n)],
    contractBalance: 18n,
    treasuryBalance: 80n,
    minted: 100n,
    supply: 98n,
    earned: new Map([
      [ALICE_PAY, 10n],
      [BOB_PAY, 10n]
    ]),
    overheard: [],
    ...changes
  }
}

describe('the checks of a world', () => {
  const good = facts()
  const settled = good.settled!
  const books = good.books!

  it('find nothing where everything is right', () => {
    assert.deepEqual(violationsOf(good), [])
  })

  const twice = [receipt(0, 0, ALICE, ALICE_PAY), receipt(0, 0, BOB, BOB_PAY)]
  const same = [receipt(0, 0, ALICE, ALICE_PAY), receipt(0, 1, ALICE, ALICE_PAY)]
  for (const [what, check, changes] of [
    ['a job that was not settled', 'complete', { settled: undefined }],
    ['a subtask that nobody got right', 'complete', { books: { ...books, acceptedCount: 0 } }],
    ['a replica that is paid twice', 'payOnce', { books: { ...books, receipts: twice } }],
    ['a node that is paid twice for one subtask', 'payOnce', { books: { ...books, receipts: same } }],
    ['more pay than certificates', 'payOnce', { earned: new Map([[ALICE_PAY, 10n]]) }],
    ['pay for a liar', 'payHonest', { undeserving: new Set([BOB]) }],
    [
      'a settlement that its receipts do not make',
      'booked',
      { books: { ...books, receipts: books.receipts!.slice(1) } }
    ],
    [
      'credit that is not what was settled',
      'booked',
      { accounts: good.accounts.map(entry => ({ ...entry, credit: entry.credit - 1n })) }
    ],
    ['credit without a settlement', 'booked', { settled: undefined, expect: 'safe' }],
    ['a lock that is not all accounted for', 'conservation', { settled: { ...settled, locked: 26n } }],
    ['tokens from nowhere', 'conservation', { supply: 99n, contractBalance: 19n }],
    ['tokens that nobody holds', 'conservation', { treasuryBalance: 79n }],
    ['credits that the contract cannot pay', 'conservation', { contractBalance: 15n, treasuryBalance: 83n }],
    ['a witness that broke its word', 'faithful', { overheard: ['voted twice'] }]
  ] as const satisfies readonly (readonly [string, keyof typeof CHECKS, object])[])
    it(`find ${what}`, () => {
      const { settled: settlement, ...rest } = { ...good, ...changes } as WorldFacts
      const bad: WorldFacts = settlement === undefined ? rest : { ...rest, settled: settlement }
      assert.ok(CHECKS[check](bad).length > 0)
      assert.ok(violationsOf(bad).length > 0)
    })

  it('ask of a world that is only meant to be safe no more than that', () => {
    const { settled: _, books: __, ...rest } = good
    const open = { ...rest, expect: 'safe' as const, accounts: [], supply: 100n, contractBalance: 20n }
    assert.deepEqual(violationsOf(open), [])
    assert.deepEqual(violationsOf({ ...open, expect: 'complete' }), ['the job was not settled'])
  })
})

describe('the watch', () => {
  const keys = new VirtualKeys()
  const WITNESS = peerIdOf(new Uint8Array(32).fill(7))
  const context: WireContext = {
    identity: keys.identity(WITNESS, new Uint8Array(32).fill(9)),
    chainId: 1,
    netId: 'watch'
  }
  const replica = { job: JOB, subtask: 3, replica: 1, generation: 0 }
  const seal = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)
  const sign = <T extends SignedType>(type: T, body: Parameters<typeof signed<T>>[1]): Uint8Array =>
    encodeMessage(signed(type, body, context))
  const promise = (fence: number, holder = ALICE): Uint8Array =>
    sign('promise', { replica, holder, fence, price: 1n, termMs: 1_000 })
  const ack = (fence: number): Uint8Array =>
    encodeMessage(message('renew-ack', { replica, fence, termMs: 1_000 }))
  const vote = (holder: PeerId, fill: number): Uint8Array =>
    sign('commit-vote', { replica, holder, seal: seal(fill), price: 1n })
  const certOf = (holder: PeerId, fill: number) => ({
    replica,
    holder,
    seal: seal(fill),
    price: 5n,
    votes: [signed('commit-vote', { replica, holder, seal: seal(fill), price: 5n }, context)]
  })
  const sealed = (holder: PeerId, fill: number): Uint8Array =>
    encodeMessage(message('sealed', { cert: certOf(holder, fill) }))

  for (const [what, replies, isBroken] of [
    [
      'growing fences',
      [
        [promise(1), ALICE],
        [ack(1), ALICE],
        [promise(2, BOB), BOB],
        [ack(2), BOB]
      ],
      false
    ],
    [
      'a lease that was proved, not promised, and then promised too',
      [
        [promise(1), ALICE],
        [ack(2), BOB],
        [promise(2, BOB), BOB]
      ],
      false
    ],
    [
      'a promise said again',
      [
        [promise(1), ALICE],
        [promise(1), ALICE]
      ],
      false
    ],
    [
      'a fence that falls',
      [
        [promise(2), ALICE],
        [promise(1), ALICE]
      ],
      true
    ],
    [
      'a renewal of an older fence',
      [
        [promise(2), ALICE],
        [ack(1), ALICE]
      ],
      true
    ],
    [
      'one fence for two holders',
      [
        [promise(1), ALICE],
        [promise(1, BOB), BOB]
      ],
      true
    ],
    [
      'a renewal for one who does not hold it',
      [
        [promise(1), ALICE],
        [ack(1), BOB]
      ],
      true
    ],
    [
      'a vote said again',
      [
        [vote(ALICE, 1), ALICE],
        [vote(ALICE, 1), ALICE]
      ],
      false
    ],
    [
      'votes for two holders',
      [
        [vote(ALICE, 1), ALICE],
        [vote(BOB, 1), BOB]
      ],
      true
    ],
    [
      'votes for two seals of one holder',
      [
        [vote(ALICE, 1), ALICE],
        [vote(ALICE, 2), ALICE]
      ],
      true
    ]
  ] as const)
    it(`${isBroken ? 'objects to' : 'takes'} ${what}`, () => {
      const watch = new Watch(context, () => true)
      for (const [bytes, asker] of replies) watch.onLeaseReply(bytes, WITNESS, asker)
      assert.equal(watch.violations.length > 0, isBroken)
      const blind = new Watch(context, () => false)
      for (const [bytes, asker] of replies) blind.onLeaseReply(bytes, WITNESS, asker)
      assert.deepEqual(blind.violations, [])
    })

  it('objects to two certificates for one replica, not to one shown twice', () => {
    const watch = new Watch(context, () => true)
    watch.onVerification(sealed(ALICE, 1))
    watch.onVerification(sealed(ALICE, 1))
    assert.deepEqual(watch.violations, [])
    watch.onVerification(sealed(BOB, 2))
    assert.equal(watch.violations.length, 1)
  })

  it('counts what holders opened: each subtask once', () => {
    const watch = new Watch(context, () => true)
    const attestation = signed(
      'attestation',
      {
        replica,
        holder: ALICE,
        account: ALICE_PAY,
        manifest: cidOf({ manifest: 1 }),
        equivalenceClass: 'a/b',
        opening: { digest: seal(1), salt: seal(2) },
        result: cidOf({ result: 1 }),
        resultSizeBytes: 1,
        elapsedMs: 1
      },
      context
    )
    const reveal = (subtask: number): Uint8Array => {
      const cert = { ...certOf(ALICE, 1), replica: { ...replica, subtask } }
      return encodeMessage(message('reveal', { cert, attestation }))
    }
    for (const subtask of [3, 3, 4]) watch.onVerification(reveal(subtask))
    assert.deepEqual([...watch.earned()], [[ALICE_PAY, 10n]])
  })
})
