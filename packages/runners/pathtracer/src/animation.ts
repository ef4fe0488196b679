import { acos, sin } from './exact-math.ts'
import { type Affine, compose, multiply, type Quaternion, type Vec3 } from './matrix.ts'

/** Node of the scene's tree. Parents come before their children. */
export interface SceneNode {
  readonly name: string
  readonly parent: number
  readonly translation: Vec3
  readonly rotation: Quaternion
  readonly scale: Vec3
  /** Replaces translation, rotation and scale where the file gives a matrix. */
  readonly matrix?: Affine
}

/** One animated property of one node. */
export interface Channel {
  readonly node: number
  readonly path: 'translation' | 'rotation' | 'scale'
  readonly interpolation: 'LINEAR' | 'STEP' | 'CUBICSPLINE'
  /** Seconds, ascending. */
  readonly times: Float32Array
  /** 3 or 4 per key; with CUBICSPLINE in-tangent, value and out-tangent per key. */
  readonly values: Float32Array
}

/** Spherical interpolation along the shorter way. */
export function slerp(a: readonly number[], b: readonly number[], t: number): number[] {
  let d = a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]! + a[3]! * b[3]!
  const sign = d < 0 ? -1 : 1
  d *= sign
  let wa = 1 - t
  let wb = t
  if (d < 0.9995) {
    const angle = acos(d)
    const s = sin(angle)
    wa = sin(wa * angle) / s
    wb = sin(wb * angle) / s
  }
  return a.map((value, k) => value * wa + b[k]! * wb * sign)
}

function hermite(channel: Channel, width: number, key: number, t: number, span: number): number[] {
  const at = (k: number, part: number, i: number): number => channel.values[(k * 3 + part) * width + i]!
  const t2 = t * t
  const t3 = t2 * t
  return Array.from({ length: width }, (_, i) => {
    const p0 = at(key, 1, i)
    const m0 = at(key, 2, i) * span
    const p1 = at(key + 1, 1, i)
    const m1 = at(key + 1, 0, i) * span
    return (2 * t3 - 3 * t2 + 1) * p0 + (t3 - 2 * t2 + t) * m0 + (3 * t2 - 2 * t3) * p1 + (t3 - t2) * m1
  })
}

/** Value of a channel at an instant; before the first and after the last key it stands still. */
export function valueAt(channel: Channel, seconds: number): number[] {
  const { times, values, interpolation } = channel
  const width = channel.path === 'rotation' ? 4 : 3
  const cubic = interpolation === 'CUBICSPLINE'
  const atKey = (key: number): number[] => {
    const first = cubic ? (key * 3 + 1) * width : key * width
    return Array.from(values.subarray(first, first + width))
  }
  const last = times.length - 1
  if (seconds <= times[0]!) return atKey(0)
  if (seconds >= times[last]!) return atKey(last)
  let low = 0
  let high = last
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (times[middle]! <= seconds) low = middle
    else high = middle
  }
  if (interpolation === 'STEP') return atKey(low)
  const span = times[high]! - times[low]!
  const t = (seconds - times[low]!) / span
  if (cubic) return hermite(channel, width, low, t, span)
  const a = atKey(low)
  const b = atKey(high)
  return width === 4 ? slerp(a, b, t) : a.map((value, k) => value + (b[k]! - value) * t)
}

/** World transform of every node at an instant. */
export function worldMatrices(
  nodes: readonly SceneNode[],
  channels: readonly Channel[],
  seconds: number
): Affine[] {
  const moved = new Map<number, { translation?: Vec3; rotation?: Quaternion; scale?: Vec3 }>()
  for (const channel of channels) {
    const node = moved.get(channel.node) ?? {}
    Object.assign(node, { [channel.path]: valueAt(channel, seconds) })
    moved.set(channel.node, node)
  }
  const worlds: Affine[] = []
  nodes.forEach((node, index) => {
    const now = moved.get(index)
    const local =
      node.matrix !== undefined && now === undefined
        ? node.matrix
        : compose(
            now?.translation ?? node.translation,
            now?.rotation ?? node.rotation,
            now?.scale ?? node.scale
          )
    worlds.push(node.parent < 0 ? local : multiply(worlds[node.parent]!, local))
  })
  return worlds
}

/** For each node, whether it or an ancestor is animated. */
export function animatedNodes(nodes: readonly SceneNode[], channels: readonly Channel[]): boolean[] {
  const targets = new Set(channels.map(channel => channel.node))
  const moving: boolean[] = []
  nodes.forEach((node, index) => {
    moving.push(targets.has(index) || (node.parent >= 0 && moving[node.parent]!))
  })
  return moving
}
