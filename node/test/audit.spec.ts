import assert from 'node:assert/strict'
import type { Receipt } from '@rayswarm/interface'
import { PAYOUT_SPLIT } from '@rayswarm/params'
import { payoutsOf, receiptsTree, settle } from '@rayswarm/settlement'
import { jobIdOf, nodeIdentity } from '@rayswarm/wire'
import { type Books, faultsOf } from '../src/demo/audit.ts'

const LOCKED = 10_000n

describe('the demo’s audit', () => {
  const peers = [1, 2, 3].map(seed => nodeIdentity(new Uint8Array(32).fill(seed)).peerId)
  const accounts = [
    '0x52908400098527886E0F7030069857D2E4169EE7',
    '0x8617E340B3D01FA5F11F306F4090FD50E238070D',
    '0xde709f2102306220921060314715629080e2fb77'
  ]
  const nodes = peers.map((peerId, index) => ({
    name: `node-${index + 1}`,
    liar: index === 2,
    peerId,
    account: accounts[index]!
  }))
  const job = jobIdOf({ name: 'audited' } as never)

  function receipt(subtask: number, replica: number, node: number, gross: bigint): Receipt {
    const digest = `0x${'11'.repeat(32)}`
    const key = { job, subtask, replica, generation: 0 }
    return { replica: key, node: peers[node]!, account: accounts[node]!, gross, digest }
  }

  /** Books that balance, and what an honest creator reports of them. */
  function balanced(receipts: readonly Receipt[]): {
    books: Books
    published: Parameters<typeof faultsOf>[2]
  } {
    const settled = settle(LOCKED, payoutsOf(receipts), PAYOUT_SPLIT)
    const credits = accounts.map(
      account => settled.credits.find(c => c.account.toLowerCase() === account.toLowerCase())?.amount ?? 0n
    )
    const { paid, burned, treasury, refunded } = settled
    const text = (amount: bigint): string => String(amount)
    return {
      books: {
        locked: LOCKED,
        outcome: { txHash: '0x', receiptsRoot: receiptsTree(receipts).root, ...settled },
        credits,
        split: PAYOUT_SPLIT,
        receipts,
        receiptsRoot: receiptsTree(receipts).root
      },
      published: {
        escrow: {
          locked: text(LOCKED),
          paid: text(paid),
          burned: text(burned),
          treasury: text(treasury),
          refunded: text(refunded)
        },
        payouts: nodes.flatMap(({ peerId, account }, index) =>
          credits[index]! > 0n ? [{ peerId, account, amount: text(credits[index]!) }] : []
        ),
        caught: [peers[2]!]
      }
    }
  }

  const honest = [receipt(0, 0, 0, 1_001n), receipt(0, 1, 1, 999n), receipt(1, 0, 0, 1_000n)]

  it('finds nothing in books that balance', () => {
    const { books, published } = balanced(honest)
    assert.deepEqual(faultsOf(books, nodes, published), [])
  })

  it('finds a report that differs from the chain by one base unit', () => {
    const { books, published } = balanced(honest)
    const escrow = { ...published.escrow, burned: String(books.outcome.burned + 1n) }
    assert.equal(faultsOf(books, nodes, { ...published, escrow }).length, 1)
    const payouts = published.payouts.map((p, i) => (i === 0 ? { ...p, amount: '1' } : p))
    assert.match(faultsOf(books, nodes, { ...published, payouts })[0] ?? '', /^node-1: credit/)
  })

  it('finds money that appears or vanishes on the chain', () => {
    const { books, published } = balanced(honest)
    const credits = books.credits.map((credit, index) => (index === 0 ? credit + 1n : credit))
    assert.ok(faultsOf({ ...books, credits }, nodes, published).length > 0)
    const outcome = { ...books.outcome, refunded: books.outcome.refunded - 1n }
    const escrow = { ...published.escrow, refunded: String(outcome.refunded) }
    assert.ok(faultsOf({ ...books, outcome }, nodes, { ...published, escrow }).length > 0)
  })

  it('finds money that went to somebody who was not there', () => {
    const { books, published } = balanced(honest)
    const credits = books.credits.slice(1)
    const faults = faultsOf({ ...books, credits }, nodes.slice(1), published)
    assert.equal(faults.length, 1)
    assert.match(faults[0] ?? '', /nodes hold .* was paid/)
  })

  it('finds receipts that are not those that were settled', () => {
    const { books, published } = balanced(honest)
    const receipts = honest.slice(1)
    assert.equal(faultsOf({ ...books, receipts }, nodes, published).length, 2)
    const twice = [...honest, receipt(0, 0, 1, 5n)]
    assert.ok(faultsOf({ ...books, receipts: twice }, nodes, published).some(f => f.includes('two receipts')))
  })

  it('finds a liar that was paid, and an honest node that was rejected', () => {
    const paid = balanced([...honest, receipt(1, 1, 2, 1_000n)])
    assert.deepEqual(faultsOf(paid.books, nodes, paid.published), ['node-3 lied and was paid'])
    const { books, published } = balanced(honest)
    const faults = faultsOf(books, nodes, { ...published, caught: [peers[0]!] })
    assert.deepEqual(faults, ['node-1 is honest and was rejected'])
  })
})
