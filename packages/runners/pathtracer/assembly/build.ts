// Builds 4-wide bounding volume trees: binned SAH to a binary tree, then collapsed.
import { least } from './math'
import { NODE_CHILDREN, NODE_EMPTY, NODE_SIZE } from './layout'

const BIN_COUNT: i32 = 32
const BIN_SIZE: usize = 48 // min, max (f32 × 4), count
/** Below this depth nodes are cut in the middle, so that no input makes the tree deep. */
const DEPTH_MAX: i32 = 40
/** Record of a binary node: min, max; left child or first element; count (0: inner); right child; cost as 1, 2 and 3 children. */
const BINARY_SIZE: usize = 64
const COST: usize = 44

let boxes: usize = 0
let order: usize = 0
let binary: usize = 0
let binaryCount: i32 = 0
let bins: usize = 0
let leafMax: i32 = 4
let outNodes: usize = 0
let outCount: i32 = 0
let leaves: usize = 0
let leafCount: i32 = 0

// @ts-ignore: decorator
@inline
function halfArea(lo: v128, hi: v128): f32 {
  const d = f32x4.sub(hi, lo)
  const dx = f32x4.extract_lane(d, 0)
  const dy = f32x4.extract_lane(d, 1)
  const dz = f32x4.extract_lane(d, 2)
  return dx * dy + dy * dz + dz * dx
}

// @ts-ignore: decorator
@inline
function packetsOf(count: i32): f32 {
  return <f32>((count + leafMax - 1) / leafMax)
}

/** Bytes of working memory for `count` boxes. */
export function buildScratchSize(count: i32): i32 {
  return count * 4 + (2 * count + 1) * <i32>BINARY_SIZE + 3 * BIN_COUNT * <i32>BIN_SIZE + 64
}

/**
 * Build a tree over `count` boxes (min, max as f32 × 4 each) and write its nodes to `nodesOut` with child offsets from
 * `firstOffset` on. Leaves are numbered from `firstLeaf`; leaf i is (first, count) at `leavesOut + 8 i`, a range of the order
 * array at the start of `work`. Returns the number of nodes; `builtLeaves` tells the leaves.
 */
export function build(
  boxesIn: usize,
  count: i32,
  perLeaf: i32,
  work: usize,
  nodesOut: usize,
  firstOffset: i32,
  leavesOut: usize,
  firstLeaf: i32
): i32 {
  boxes = boxesIn
  leafMax = perLeaf
  order = work
  binary = (work + (<usize>count << 2) + 15) & ~15
  bins = binary + <usize>(2 * count + 1) * BINARY_SIZE
  for (let i = 0; i < count; i++) store<i32>(order + (<usize>i << 2), i)
  binaryCount = 0
  const root = split(0, count, 0)
  outNodes = nodesOut
  outCount = 0
  leaves = leavesOut
  leafCount = 0
  emit(root, firstOffset, firstLeaf)
  return outCount
}

export function builtLeaves(): i32 {
  return leafCount
}

// @ts-ignore: decorator
@inline
function boxOf(position: i32): usize {
  return boxes + (<usize>load<i32>(order + (<usize>position << 2)) << 5)
}

function split(first: i32, count: i32, depth: i32): i32 {
  const id = binaryCount++
  const node = binary + <usize>id * BINARY_SIZE
  let lo = f32x4.splat(Infinity)
  let hi = f32x4.splat(-Infinity)
  let centreLo = lo
  let centreHi = hi
  for (let i = first; i < first + count; i++) {
    const box = boxOf(i)
    const a = v128.load(box)
    const b = v128.load(box, 16)
    const c = f32x4.add(a, b)
    lo = f32x4.pmin(lo, a)
    hi = f32x4.pmax(hi, b)
    centreLo = f32x4.pmin(centreLo, c)
    centreHi = f32x4.pmax(centreHi, c)
  }
  v128.store(node, lo)
  v128.store(node, hi, 16)
  if (count <= leafMax) {
    store<i32>(node, first, 32)
    store<i32>(node, count, 36)
    price(id)
    return id
  }
  let middle = depth < DEPTH_MAX ? divide(first, count, centreLo, centreHi) : -1
  if (middle <= first || middle >= first + count) middle = first + (count >> 1)
  store<i32>(node, 0, 36)
  const left = split(first, middle - first, depth + 1)
  const right = split(middle, first + count - middle, depth + 1)
  store<i32>(node, left, 32)
  store<i32>(node, right, 40)
  price(id)
  return id
}

// @ts-ignore: decorator
@inline
function binIndices(box: usize, centreLo: v128, perBin: v128): v128 {
  const c = f32x4.add(v128.load(box), v128.load(box, 16))
  const k = i32x4.trunc_sat_f32x4_s(f32x4.mul(f32x4.sub(c, centreLo), perBin))
  return i32x4.min_s(i32x4.max_s(k, i32x4.splat(0)), i32x4.splat(BIN_COUNT - 1))
}

// @ts-ignore: decorator
@inline
function grow(axis: i32, k: i32, lo: v128, hi: v128): void {
  const bin = bins + <usize>(axis * BIN_COUNT + k) * BIN_SIZE
  v128.store(bin, f32x4.pmin(v128.load(bin), lo))
  v128.store(bin, f32x4.pmax(v128.load(bin, 16), hi), 16)
  store<i32>(bin, load<i32>(bin, 32) + 1, 32)
}

/** Cut where the surface area heuristic is least; returns the first position of the right part, or -1. */
function divide(first: i32, count: i32, centreLo: v128, centreHi: v128): i32 {
  for (let i = 0; i < 3 * BIN_COUNT; i++) {
    const bin = bins + <usize>i * BIN_SIZE
    v128.store(bin, f32x4.splat(Infinity))
    v128.store(bin, f32x4.splat(-Infinity), 16)
    store<i32>(bin, 0, 32)
  }
  const extent = f32x4.sub(centreHi, centreLo)
  const perBin = f32x4.div(f32x4.splat(<f32>BIN_COUNT * <f32>0.99999), f32x4.pmax(extent, f32x4.splat(<f32>1e-30)))
  for (let i = first; i < first + count; i++) {
    const box = boxOf(i)
    const k = binIndices(box, centreLo, perBin)
    const a = v128.load(box)
    const b = v128.load(box, 16)
    grow(0, i32x4.extract_lane(k, 0), a, b)
    grow(1, i32x4.extract_lane(k, 1), a, b)
    grow(2, i32x4.extract_lane(k, 2), a, b)
  }
  let bestCost: f32 = Infinity
  let bestAxis = -1
  let bestBin = 0
  for (let axis = 0; axis < 3; axis++) {
    const base = bins + <usize>(axis * BIN_COUNT) * BIN_SIZE
    // From the right: keep area × packets of the suffix in the spare words of each bin.
    let lo = f32x4.splat(Infinity)
    let hi = f32x4.splat(-Infinity)
    let n = 0
    for (let k = BIN_COUNT - 1; k > 0; k--) {
      const bin = base + <usize>k * BIN_SIZE
      lo = f32x4.pmin(lo, v128.load(bin))
      hi = f32x4.pmax(hi, v128.load(bin, 16))
      n += load<i32>(bin, 32)
      store<f32>(bin, n > 0 ? halfArea(lo, hi) * packetsOf(n) : 0, 36)
      store<i32>(bin, n, 40)
    }
    lo = f32x4.splat(Infinity)
    hi = f32x4.splat(-Infinity)
    n = 0
    for (let k = 0; k < BIN_COUNT - 1; k++) {
      const bin = base + <usize>k * BIN_SIZE
      lo = f32x4.pmin(lo, v128.load(bin))
      hi = f32x4.pmax(hi, v128.load(bin, 16))
      n += load<i32>(bin, 32)
      if (n == 0 || n == count) continue
      const cost = halfArea(lo, hi) * packetsOf(n) + load<f32>(bin + BIN_SIZE, 36)
      if (cost < bestCost) {
        bestCost = cost
        bestAxis = axis
        bestBin = k
      }
    }
  }
  if (bestAxis < 0) return -1
  return partition(first, count, centreLo, perBin, bestAxis, bestBin)
}

function partition(first: i32, count: i32, centreLo: v128, perBin: v128, axis: i32, bin: i32): i32 {
  let i = first
  let j = first + count - 1
  while (i <= j) {
    const k = binIndices(boxOf(i), centreLo, perBin)
    const at =
      axis == 0 ? i32x4.extract_lane(k, 0) : axis == 1 ? i32x4.extract_lane(k, 1) : i32x4.extract_lane(k, 2)
    if (at <= bin) {
      i++
    } else {
      const a = order + (<usize>i << 2)
      const b = order + (<usize>j << 2)
      const t = load<i32>(a)
      store<i32>(a, load<i32>(b))
      store<i32>(b, t)
      j--
    }
  }
  return i
}

// @ts-ignore: decorator
@inline
function isLeaf(id: i32): bool {
  return load<i32>(binary + <usize>id * BINARY_SIZE, 36) > 0
}

// @ts-ignore: decorator
@inline
function leftOf(id: i32): i32 {
  return load<i32>(binary + <usize>id * BINARY_SIZE, 32)
}

// @ts-ignore: decorator
@inline
function rightOf(id: i32): i32 {
  return load<i32>(binary + <usize>id * BINARY_SIZE, 40)
}

/** Least cost of binary node `id` if it may become up to `slots` children of a wide node. */
// @ts-ignore: decorator
@inline
function costOf(id: i32, slots: i32): f32 {
  return load<f32>(binary + <usize>id * BINARY_SIZE + (<usize>slots << 2), COST - 4)
}

// @ts-ignore: decorator
@inline
function costOfSplit(id: i32, left: i32, right: i32): f32 {
  return costOf(leftOf(id), left) + costOf(rightOf(id), right)
}

/** Find the costs of `id` from those of its children: the best way to make wide nodes of a binary tree. */
function price(id: i32): void {
  const node = binary + <usize>id * BINARY_SIZE
  const area = halfArea(v128.load(node), v128.load(node, 16))
  if (isLeaf(id)) {
    store<f32>(node, area, COST)
    store<f32>(node, area, COST + 4)
    store<f32>(node, area, COST + 8)
    return
  }
  const one = area + costOfSplit(id, bestSplit(id, 4), 4 - bestSplit(id, 4))
  const two = least(one, costOfSplit(id, 1, 1))
  const three = least(two, least(costOfSplit(id, 1, 2), costOfSplit(id, 2, 1)))
  store<f32>(node, one, COST)
  store<f32>(node, two, COST + 4)
  store<f32>(node, three, COST + 8)
}

/** Slots for the left child when `slots` are shared by both. */
function bestSplit(id: i32, slots: i32): i32 {
  let best = 1
  for (let left = 2; left < slots && left < 4; left++) {
    if (costOfSplit(id, left, slots - left) < costOfSplit(id, best, slots - best)) best = left
  }
  return best
}

let lanes: i32 = 0

/** Put the children that binary node `id` becomes, at most `slots`, into the lanes of the wide node at `out`. */
function spread(id: i32, slots: i32, out: usize): void {
  let shared = slots
  if (!isLeaf(id)) {
    while (shared > 1 && costOf(id, shared) == costOf(id, shared - 1)) shared--
  } else {
    shared = 1
  }
  if (shared == 1) {
    store<i32>(out + (<usize>lanes << 2), id, NODE_CHILDREN)
    lanes++
    return
  }
  const left = bestSplit(id, shared)
  spread(leftOf(id), left, out)
  spread(rightOf(id), shared - left, out)
}

/** Write the 4-wide node of binary node `id`; returns its child offset. */
function emit(id: i32, firstOffset: i32, firstLeaf: i32): i32 {
  const mine = outCount++
  const out = outNodes + <usize>mine * NODE_SIZE
  for (let lane: usize = 0; lane < 4; lane++) store<i32>(out + (lane << 2), -1, NODE_CHILDREN)
  lanes = 0
  if (isLeaf(id)) {
    store<i32>(out, id, NODE_CHILDREN)
  } else {
    const left = bestSplit(id, 4)
    spread(leftOf(id), left, out)
    spread(rightOf(id), 4 - left, out)
  }
  for (let lane = 0; lane < 4; lane++) {
    emitChild(out, lane, load<i32>(out + (<usize>lane << 2), NODE_CHILDREN), firstOffset, firstLeaf)
  }
  return firstOffset + mine * NODE_SIZE
}

function emitChild(out: usize, lane: i32, id: i32, firstOffset: i32, firstLeaf: i32): void {
  const at = out + (<usize>lane << 2)
  let lo = f32x4.splat(Infinity)
  let hi = f32x4.splat(-Infinity)
  let child = NODE_EMPTY
  if (id >= 0) {
    const node = binary + <usize>id * BINARY_SIZE
    lo = v128.load(node)
    hi = v128.load(node, 16)
    if (isLeaf(id)) {
      const leaf = leafCount++
      store<i32>(leaves + (<usize>leaf << 3), load<i32>(node, 32))
      store<i32>(leaves + (<usize>leaf << 3), load<i32>(node, 36), 4)
      child = ~(firstLeaf + leaf)
    } else {
      child = emit(id, firstOffset, firstLeaf)
    }
  }
  store<f32>(at, f32x4.extract_lane(lo, 0))
  store<f32>(at, f32x4.extract_lane(hi, 0), 16)
  store<f32>(at, f32x4.extract_lane(lo, 1), 32)
  store<f32>(at, f32x4.extract_lane(hi, 1), 48)
  store<f32>(at, f32x4.extract_lane(lo, 2), 64)
  store<f32>(at, f32x4.extract_lane(hi, 2), 80)
  store<i32>(at, child, NODE_CHILDREN)
}
