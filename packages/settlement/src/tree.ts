import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Hex, Receipt } from '@rayswarm/interface'
import { fromHex, jobHashOf, publicKeyOf, toHex } from '@rayswarm/wire'

const WORD_SIZE_BYTES = 32
/** Root of a settlement without receipts. */
const EMPTY_ROOT: Hex = `0x${'00'.repeat(WORD_SIZE_BYTES)}`
const ACCOUNT = /^0x[0-9a-fA-F]{40}$/

/** Merkle tree over a job's receipts, in the form OpenZeppelin's `MerkleProof` and `StandardMerkleTree` use. */
export interface ReceiptsTree {
  readonly root: Hex
  /** Leaf of each receipt, in the order they were given. */
  readonly leaves: readonly Hex[]
  /**
   * Siblings from leaf to root of the receipt at `index`.
   *
   * @throws {RangeError} if there is no such receipt
   */
  proof(index: number): readonly Hex[]
}

/**
 * Build the tree. The root depends on the set of receipts, not on their order.
 *
 * @throws {RangeError} if a receipt has a field without encoding
 * @see spec/settlement.md#tree
 */
export function receiptsTree(receipts: readonly Receipt[]): ReceiptsTree {
  const leaves = receipts.map(leafOf)
  // A complete binary tree in an array: the children of i are 2i+1 and 2i+2, the leaves stand at the end, greatest first.
  const sorted = leaves.map((leaf, index) => ({ leaf, index })).sort((a, b) => compareBytes(a.leaf, b.leaf))
  const nodes: Uint8Array[] = new Array(Math.max(0, 2 * leaves.length - 1))
  const places: number[] = new Array(leaves.length)
  sorted.forEach(({ leaf, index }, i) => {
    const place = nodes.length - 1 - i
    nodes[place] = leaf
    places[index] = place
  })
  for (let i = leaves.length - 2; i >= 0; i--) nodes[i] = hashPair(nodes[2 * i + 1]!, nodes[2 * i + 2]!)

  return {
    root: nodes[0] === undefined ? EMPTY_ROOT : toHex(nodes[0]),
    leaves: leaves.map(toHex),
    proof(index) {
      const place = places[index]
      if (place === undefined) throw new RangeError(`no receipt at ${index}`)
      const siblings: Hex[] = []
      for (let i = place; i > 0; i = (i - 1) >> 1) siblings.push(toHex(nodes[i % 2 === 1 ? i + 1 : i - 1]!))
      return siblings
    }
  }
}

/** Whether a receipt is in the tree of this root. False, never an exception, for a malformed root or proof. */
export function verifyReceipt(root: Hex, receipt: Receipt, proof: readonly Hex[]): boolean {
  try {
    let node = leafOf(receipt)
    for (const sibling of proof) {
      const bytes = fromHex(sibling)
      if (bytes.length !== WORD_SIZE_BYTES) return false
      node = hashPair(node, bytes)
    }
    return toHex(node) === root
  } catch {
    return false
  }
}

/**
 * `keccak256(keccak256(abi.encode(bytes32 jobHash, uint256 subtask, uint256 replica, uint256 generation, bytes32 node,
 * address account, uint256 gross, bytes32 digest)))`. Hashed twice, so that no inner node can pass for a leaf.
 */
function leafOf(receipt: Receipt): Uint8Array {
  const { replica, account } = receipt
  const node = publicKeyOf(receipt.node)
  if (node === undefined) throw new RangeError(`not a peer id: ${receipt.node}`)
  if (!ACCOUNT.test(account)) throw new RangeError(`not an account: ${account}`)
  const digest = fromHex(receipt.digest)
  if (digest.length !== WORD_SIZE_BYTES)
    throw new RangeError(`a receipt's digest has 32 bytes: ${receipt.digest}`)
  // Numbers and addresses stand at the end of their words.
  const encoded = new Uint8Array(8 * WORD_SIZE_BYTES)
  const view = new DataView(encoded.buffer)
  const word = (index: number, bytes: Uint8Array): void =>
    encoded.set(bytes, (index + 1) * WORD_SIZE_BYTES - bytes.length)
  const uint = (index: number, value: bigint): void => {
    if (value < 0n || value >= 2n ** 64n) throw new RangeError(`out of range: ${value}`)
    view.setBigUint64((index + 1) * WORD_SIZE_BYTES - 8, value)
  }
  word(0, fromHex(jobHashOf(replica.job)))
  uint(1, BigInt(replica.subtask))
  uint(2, BigInt(replica.replica))
  uint(3, BigInt(replica.generation))
  word(4, node)
  word(5, fromHex(account.toLowerCase() as Hex))
  uint(6, receipt.gross)
  word(7, digest)
  return keccak_256(keccak_256(encoded))
}

function hashPair(a: Uint8Array, b: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * WORD_SIZE_BYTES)
  const ordered = compareBytes(a, b) <= 0
  pair.set(ordered ? a : b)
  pair.set(ordered ? b : a, WORD_SIZE_BYTES)
  return keccak_256(pair)
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < WORD_SIZE_BYTES; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}
