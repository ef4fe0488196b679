import assert from 'node:assert/strict'
import type { Receipt } from '@rayswarm/interface'
import { cidOf, nodeIdentity, toAccount, toHex } from '@rayswarm/wire'
import fc from 'fast-check'
import { receiptsTree, splitPayout, verifyReceipt } from '../src/index.ts'
import { readVectors } from './vectors.ts'

const vectors = readVectors()
const nodes = [1, 2, 3].map(n => nodeIdentity(new Uint8Array(32).fill(n)).peerId)
const jobs = ['one', 'two'].map(cidOf)

const receipt: fc.Arbitrary<Receipt> = fc
  .record({
    job: fc.constantFrom(...jobs),
    subtask: fc.nat(19_999),
    replica: fc.nat(7),
    generation: fc.nat(3),
    node: fc.constantFrom(...nodes),
    account: fc.uint8Array({ minLength: 20, maxLength: 20 }).map(bytes => toAccount(toHex(bytes))!),
    gross: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex)
  })
  .map(({ job, subtask, replica, generation, ...rest }) => ({
    replica: { job, subtask, replica, generation },
    ...rest
  }))

describe('split vectors', () => {
  for (const { gross, split, node, burned, treasury } of vectors.splits)
    it(`${gross} by ${split.nodeBps}/${split.burnBps}/${split.treasuryBps}`, () => {
      assert.deepEqual(splitPayout(BigInt(gross), split), {
        node: BigInt(node),
        burned: BigInt(burned),
        treasury: BigInt(treasury)
      })
    })
})

describe('receiptsTree', () => {
  for (const [i, vector] of vectors.trees.entries())
    it(`is OpenZeppelin's: vector ${i}, ${vector.receipts.length} receipts`, () => {
      const receipts = vector.receipts.map(r => ({ ...r, gross: BigInt(r.gross) }))
      const tree = receiptsTree(receipts)
      assert.equal(tree.root, vector.root)
      assert.deepEqual(tree.leaves, vector.leaves)
      assert.deepEqual(
        receipts.map((_, index) => tree.proof(index)),
        vector.proofs
      )
    })

  it('proves every receipt it holds, and no other', () => {
    fc.assert(
      fc.property(
        fc.array(receipt, { minLength: 1, maxLength: 12 }),
        receipt,
        fc.nat(11),
        (receipts, other, at) => {
          const tree = receiptsTree(receipts)
          const index = at % receipts.length
          const one = receipts[index]!
          const proof = tree.proof(index)
          assert.equal(verifyReceipt(tree.root, one, proof), true)
          assert.equal(receiptsTree(receipts.toReversed()).root, tree.root)
          if (!tree.leaves.includes(receiptsTree([other]).root))
            assert.equal(verifyReceipt(tree.root, other, proof), false)

          const { replica } = one
          const changed: Receipt[] = [
            { ...one, gross: one.gross === 0n ? 1n : one.gross - 1n },
            { ...one, node: nodes.find(node => node !== one.node)! },
            { ...one, account: toAccount(`0x${'77'.repeat(20)}`)! },
            { ...one, digest: toHex(new Uint8Array(32)) },
            { ...one, replica: { ...replica, job: jobs.find(job => job !== replica.job)! } },
            { ...one, replica: { ...replica, subtask: replica.subtask + 1 } },
            { ...one, replica: { ...replica, replica: replica.replica + 1 } },
            { ...one, replica: { ...replica, generation: replica.generation + 1 } }
          ]
          for (const forged of changed)
            assert.equal(
              verifyReceipt(tree.root, forged, proof),
              tree.leaves.includes(receiptsTree([forged]).root) && forged === one
            )
        }
      )
    )
  })

  it('has a root of zeros without receipts, and of its leaf with one', () => {
    assert.equal(receiptsTree([]).root, `0x${'00'.repeat(32)}`)
    const [one] = fc.sample(receipt, 1)
    const tree = receiptsTree([one!])
    assert.equal(tree.root, tree.leaves[0])
    assert.deepEqual(tree.proof(0), [])
  })

  it('judges malformed proofs by value and malformed receipts by exception', () => {
    const [one, two] = fc.sample(receipt, { numRuns: 2, seed: 1 }) as [Receipt, Receipt]
    const tree = receiptsTree([one, two])
    assert.equal(verifyReceipt(tree.root, one, ['0x12']), false)
    assert.equal(verifyReceipt(tree.root, one, ['nonsense']), false)
    assert.equal(verifyReceipt('0x', one, tree.proof(0)), false)
    assert.equal(verifyReceipt(tree.root, { ...one, node: 'x' }, tree.proof(0)), false)
    assert.throws(() => tree.proof(2), RangeError)
    assert.throws(() => receiptsTree([{ ...one, digest: '0x12' }]), RangeError)
    assert.throws(() => receiptsTree([{ ...one, node: 'x' }]), RangeError)
    assert.throws(() => receiptsTree([{ ...one, account: '0x1' }]), RangeError)
    assert.throws(() => receiptsTree([{ ...one, gross: -1n }]), RangeError)
    assert.throws(() => receiptsTree([{ ...one, gross: 2n ** 64n }]), RangeError)
  })
})
