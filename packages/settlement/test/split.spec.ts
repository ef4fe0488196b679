import assert from 'node:assert/strict'
import type { PayoutSplit, Receipt } from '@rayswarm/interface'
import { PAYOUT_SPLIT } from '@rayswarm/params'
import { cidOf, nodeIdentity, toAccount, toHex } from '@rayswarm/wire'
import fc from 'fast-check'
import { payoutsOf, settle, splitPayout } from '../src/index.ts'

const UINT64_MAX = 2n ** 64n - 1n
const node = nodeIdentity(new Uint8Array(32).fill(1)).peerId

function receipt(over: Partial<Receipt> = {}, subtask = 0): Receipt {
  return {
    replica: { job: cidOf('job'), subtask, replica: 0, generation: 0 },
    node,
    account: toAccount(`0x${'11'.repeat(20)}`)!,
    gross: 1_000n,
    digest: toHex(new Uint8Array(32).fill(5)),
    ...over
  }
}

const amount = fc.oneof(
  fc.bigInt({ min: 0n, max: UINT64_MAX }),
  fc.bigInt({ min: 0n, max: 300n }),
  fc.constantFrom(UINT64_MAX, 9_999n, 10_000n, 10_001n)
)
const anySplit: fc.Arbitrary<PayoutSplit> = fc
  .tuple(fc.nat(10_000), fc.nat(10_000))
  .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
  .map(([a, b]) => ({ nodeBps: a, burnBps: b - a, treasuryBps: 10_000 - b }))

describe('splitPayout', () => {
  it('loses nothing, and rounds for the node', () => {
    fc.assert(
      fc.property(amount, anySplit, (gross, split) => {
        const { node, burned, treasury } = splitPayout(gross, split)
        assert.equal(node + burned + treasury, gross)
        assert.ok(burned >= 0n && treasury >= 0n)
        // Within one base unit below the exact share, never above it.
        assert.ok(burned * 10_000n <= gross * BigInt(split.burnBps))
        assert.ok((burned + 1n) * 10_000n > gross * BigInt(split.burnBps))
        assert.ok(treasury * 10_000n <= gross * BigInt(split.treasuryBps))
        assert.ok((treasury + 1n) * 10_000n > gross * BigInt(split.treasuryBps))
      })
    )
  })

  it('refuses shares that are not a whole, and amounts out of range', () => {
    assert.throws(() => splitPayout(1n, { nodeBps: 9_000, burnBps: 500, treasuryBps: 501 }), RangeError)
    assert.throws(() => splitPayout(1n, { nodeBps: 10_001, burnBps: -1, treasuryBps: 0 }), RangeError)
    assert.throws(() => splitPayout(1n, { nodeBps: 9_999.5, burnBps: 0.5, treasuryBps: 0 }), RangeError)
    assert.throws(() => splitPayout(-1n, PAYOUT_SPLIT), RangeError)
    assert.throws(() => splitPayout(UINT64_MAX + 1n, PAYOUT_SPLIT), RangeError)
  })
})

describe('payoutsOf', () => {
  it('sums per account, ascending, whatever the order and the spelling', () => {
    const account = fc.nat(5).map(n => `0x${String(n).repeat(2).padStart(40, 'abcdef')}`)
    const gross = fc.bigInt({ min: 0n, max: 10n ** 12n })
    fc.assert(
      fc.property(fc.array(fc.record({ account, gross, upper: fc.boolean() }), { maxLength: 30 }), rows => {
        const receipts = rows.map(({ account, gross, upper }, i) =>
          receipt({ gross, account: upper ? toAccount(account)! : account }, i)
        )
        const payouts = payoutsOf(receipts)
        assert.deepEqual(payoutsOf(receipts.toReversed()), payouts)
        assert.equal(
          payouts.reduce((sum, payout) => sum + payout.gross, 0n),
          rows.reduce((sum, row) => sum + row.gross, 0n)
        )
        for (const [i, payout] of payouts.entries()) {
          assert.ok(payout.gross > 0n)
          assert.equal(payout.account, toAccount(payout.account))
          if (i > 0) assert.ok(payouts[i - 1]!.account.toLowerCase() < payout.account.toLowerCase())
        }
      })
    )
  })

  it('never pays one replica twice', () => {
    const again = { ...receipt().replica, generation: 1 }
    assert.throws(() => payoutsOf([receipt(), receipt()]), RangeError)
    assert.throws(() => payoutsOf([receipt(), receipt({ replica: again })]), RangeError)
    assert.equal(payoutsOf([receipt(), receipt({}, 1)]).length, 1)
    const second = { ...receipt().replica, replica: 1 }
    assert.equal(payoutsOf([receipt(), receipt({ replica: second })])[0]?.gross, 2_000n)
  })

  it('refuses receipts of two jobs, strange accounts and sums out of range', () => {
    const other = { ...receipt().replica, job: cidOf('other'), subtask: 1 }
    assert.throws(() => payoutsOf([receipt(), receipt({ replica: other })]), RangeError)
    assert.throws(() => payoutsOf([receipt({ account: '0x12' })]), RangeError)
    assert.throws(() => payoutsOf([receipt({ account: `0x${'00'.repeat(20)}` })]), RangeError)
    assert.throws(() => payoutsOf([receipt({ gross: -1n })]), RangeError)
    assert.throws(() => payoutsOf([receipt({ gross: UINT64_MAX }), receipt({ gross: 1n }, 1)]), RangeError)
    assert.equal(payoutsOf([receipt({ gross: UINT64_MAX })])[0]?.gross, UINT64_MAX)
    assert.deepEqual(payoutsOf([]), [])
    assert.deepEqual(payoutsOf([receipt({ gross: 0n })]), [])
  })
})

describe('settle', () => {
  const payouts = fc.uniqueArray(fc.integer({ min: 1, max: 0xffff }), { maxLength: 12 }).chain(ids =>
    fc.tuple(
      ...ids
        .sort((a, b) => a - b)
        .map(id =>
          fc.bigInt({ min: 1n, max: 10n ** 12n }).map(gross => ({
            account: toAccount(`0x${id.toString(16).padStart(40, '0')}`)!,
            gross
          }))
        )
    )
  )

  it('conserves the locked amount to the base unit', () => {
    fc.assert(
      fc.property(payouts, anySplit, fc.bigInt({ min: 0n, max: 10n ** 9n }), (list, split, surplus) => {
        const sum = list.reduce((total, { gross }) => total + gross, 0n)
        const { paid, burned, treasury, refunded, credits } = settle(sum + surplus, list, split)
        assert.equal(paid + burned + treasury + refunded, sum + surplus)
        assert.equal(refunded, surplus)
        assert.equal(
          credits.reduce((total, credit) => total + credit.amount, 0n),
          paid
        )
        assert.deepEqual(
          credits.map(credit => credit.amount),
          list.map(({ gross }) => splitPayout(gross, split).node)
        )
        if (sum > 0n) assert.throws(() => settle(sum - 1n, list, split), RangeError)
      })
    )
  })

  it('refuses payouts that are not in order, repeated or zero', () => {
    const [a, b] = ['aa', 'bb'].map(byte => ({ account: toAccount(`0x${byte.repeat(20)}`)!, gross: 1n })) as [
      { account: string; gross: bigint },
      { account: string; gross: bigint }
    ]
    assert.equal(settle(2n, [a, b], PAYOUT_SPLIT).paid, 2n)
    assert.throws(() => settle(2n, [b, a], PAYOUT_SPLIT), RangeError)
    assert.throws(() => settle(2n, [a, a], PAYOUT_SPLIT), RangeError)
    assert.throws(() => settle(2n, [a, { ...a, account: a.account.toLowerCase() }], PAYOUT_SPLIT), RangeError)
    assert.throws(() => settle(2n, [{ ...a, gross: 0n }], PAYOUT_SPLIT), RangeError)
    assert.throws(() => settle(2n, [{ ...a, account: `0x${'00'.repeat(20)}` }], PAYOUT_SPLIT), RangeError)
    assert.throws(() => settle(-1n, [], PAYOUT_SPLIT), RangeError)
    assert.deepEqual(settle(5n, [], PAYOUT_SPLIT), {
      paid: 0n,
      burned: 0n,
      treasury: 0n,
      refunded: 5n,
      credits: []
    })
  })
})
