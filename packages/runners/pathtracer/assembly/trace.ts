// Rays against the scene: a 4-wide tree over instances, and 4-wide trees over packets of four triangles.
import { passes, shine } from './clear'
import {
  ID_ALPHA,
  ID_CLEAR,
  INSTANCE_IDENTITY,
  INSTANCE_INVERSE,
  INSTANCE_ROOT,
  INSTANCE_SIZE,
  NODE_CHILDREN,
  PACKET_IDS,
  PACKET_SIZE
} from './layout'
import * as scene from './scene'
import * as v from './vec'

/** A point this far outside a triangle, in barycentric units, still hits it: no light through seams. */
const SEAM: f32 = 1e-6
const FAR: f32 = 1e18

export let hitT: f32 = 0
export let hitU: f32 = 0
export let hitV: f32 = 0
export let hitPacket: usize = 0
export let hitLane: i32 = 0
export let hitInstance: usize = 0

/** Rays traced since the last reset. */
export let rayCount: i64 = 0

export function resetRayCount(): void {
  rayCount = 0
}

/** What is left of the light along the latest shadow ray. */
export let transmitted: v128 = i64x2.splat(0)

let passThrough: bool = false
let blocked: bool = false

// @ts-ignore: decorator
@inline
function inverse(d: f32): f32 {
  const a = abs<f32>(d)
  if (a < <f32>1e-18) return d < 0 ? -FAR : FAR
  return 1 / d
}

/** Nearest hit along the ray up to `far`. Sets the `hit…` variables; `hitInstance` is 0 if there is none. */
export function closest(origin: v128, direction: v128, far: f32): bool {
  rayCount++
  hitT = far
  hitPacket = 0
  walkTop(origin, direction, false)
  return hitPacket != 0
}

/** True if something opaque lies before `far`. With `through`, clear things only dim the light: see `transmitted`. */
export function shadowed(origin: v128, direction: v128, far: f32, through: bool): bool {
  rayCount++
  hitT = far
  passThrough = through
  blocked = false
  transmitted = f32x4.splat(1)
  walkTop(origin, direction, true)
  return blocked
}

function enter(instance: usize, origin: v128, direction: v128, shadow: bool): void {
  const root = scene.nodes + <usize>load<u32>(instance, INSTANCE_ROOT)
  let ox = v.x(origin)
  let oy = v.y(origin)
  let oz = v.z(origin)
  let dx = v.x(direction)
  let dy = v.y(direction)
  let dz = v.z(direction)
  if (load<i32>(instance, INSTANCE_IDENTITY) == 0) {
    const point = v128.bitselect(origin, f32x4.splat(1), i32x4(-1, -1, -1, 0))
    const arrow = v128.bitselect(direction, f32x4.splat(0), i32x4(-1, -1, -1, 0))
    const row0 = v128.load(instance, INSTANCE_INVERSE)
    const row1 = v128.load(instance, INSTANCE_INVERSE + 16)
    const row2 = v128.load(instance, INSTANCE_INVERSE + 32)
    ox = sum4(v.mul(row0, point))
    oy = sum4(v.mul(row1, point))
    oz = sum4(v.mul(row2, point))
    dx = sum4(v.mul(row0, arrow))
    dy = sum4(v.mul(row1, arrow))
    dz = sum4(v.mul(row2, arrow))
  }
  if (shadow) anyIn(root, instance, ox, oy, oz, dx, dy, dz)
  else closestIn(root, instance, ox, oy, oz, dx, dy, dz)
}

// @ts-ignore: decorator
@inline
function sum4(p: v128): f32 {
  return (
    f32x4.extract_lane(p, 0) + f32x4.extract_lane(p, 1) + f32x4.extract_lane(p, 2) + f32x4.extract_lane(p, 3)
  )
}

/** Entry distances of the four boxes; the mask of those that are hit goes to `boxMask`. */
// @ts-ignore: decorator
@inline
function entry(node: usize, nearX: usize, nearY: usize, nearZ: usize, o: v128, p: v128, q: v128, ix: v128, iy: v128, iz: v128): v128 {
  const tx = f32x4.mul(f32x4.sub(v128.load(node + nearX), o), ix)
  const ty = f32x4.mul(f32x4.sub(v128.load(node + nearY, 32), p), iy)
  const tz = f32x4.mul(f32x4.sub(v128.load(node + nearZ, 64), q), iz)
  return f32x4.pmax(f32x4.pmax(tx, ty), f32x4.pmax(tz, f32x4.splat(0)))
}

// @ts-ignore: decorator
@inline
function leave(node: usize, nearX: usize, nearY: usize, nearZ: usize, o: v128, p: v128, q: v128, ix: v128, iy: v128, iz: v128, far: f32): v128 {
  const tx = f32x4.mul(f32x4.sub(v128.load(node + (nearX ^ 16)), o), ix)
  const ty = f32x4.mul(f32x4.sub(v128.load(node + (nearY ^ 16), 32), p), iy)
  const tz = f32x4.mul(f32x4.sub(v128.load(node + (nearZ ^ 16), 64), q), iz)
  const t = f32x4.pmin(f32x4.pmin(tx, ty), tz)
  return f32x4.pmin(f32x4.mul(t, f32x4.splat(<f32>1.0000004)), f32x4.splat(far))
}

function walkTop(origin: v128, direction: v128, shadow: bool): void {
  const lanes = scene.scratch
  const base = scene.scratch + 64
  let top = base
  const ox = f32x4.splat(v.x(origin))
  const oy = f32x4.splat(v.y(origin))
  const oz = f32x4.splat(v.z(origin))
  const dx = v.x(direction)
  const dy = v.y(direction)
  const dz = v.z(direction)
  const ix = f32x4.splat(inverse(dx))
  const iy = f32x4.splat(inverse(dy))
  const iz = f32x4.splat(inverse(dz))
  const nearX: usize = dx < 0 ? 16 : 0
  const nearY: usize = dy < 0 ? 16 : 0
  const nearZ: usize = dz < 0 ? 16 : 0
  let current: i32 = 0
  while (true) {
    if (current >= 0) {
      const node = scene.topNodes + <usize>current
      const near = entry(node, nearX, nearY, nearZ, ox, oy, oz, ix, iy, iz)
      const far = leave(node, nearX, nearY, nearZ, ox, oy, oz, ix, iy, iz, hitT)
      let mask = i32x4.bitmask(f32x4.le(near, far))
      v128.store(lanes, near)
      const bottom = top
      while (mask != 0) {
        const lane = <usize>ctz(mask) << 2
        mask &= mask - 1
        top = push(bottom, top, load<f32>(lanes + lane), load<i32>(node + lane, NODE_CHILDREN))
      }
    } else {
      enter(scene.instances + <usize>~current * INSTANCE_SIZE, origin, direction, shadow)
      if (blocked && shadow) return
    }
    do {
      if (top == base) return
      top -= 8
    } while (load<f32>(top) > hitT)
    current = load<i32>(top, 4)
  }
}

/** Push onto the stack so that the entries above `bottom` stay sorted, nearest on top. */
// @ts-ignore: decorator
@inline
function push(bottom: usize, top: usize, t: f32, child: i32): usize {
  let at = top
  while (at > bottom && load<f32>(at - 8) < t) {
    store<u64>(at, load<u64>(at - 8))
    at -= 8
  }
  store<f32>(at, t)
  store<i32>(at, child, 4)
  return top + 8
}

function closestIn(root: usize, instance: usize, ox: f32, oy: f32, oz: f32, dx: f32, dy: f32, dz: f32): void {
  const lanes = scene.scratch + 4096
  const base = scene.scratch + 4096 + 64
  const nodes = scene.nodes
  const packets = scene.packets
  const px = f32x4.splat(ox)
  const py = f32x4.splat(oy)
  const pz = f32x4.splat(oz)
  const ix = f32x4.splat(inverse(dx))
  const iy = f32x4.splat(inverse(dy))
  const iz = f32x4.splat(inverse(dz))
  const nearX: usize = dx < 0 ? 16 : 0
  const nearY: usize = dy < 0 ? 16 : 0
  const nearZ: usize = dz < 0 ? 16 : 0
  let top = base
  let current: i32 = <i32>(root - nodes)
  while (true) {
    if (current >= 0) {
      const node = nodes + <usize>current
      const near = entry(node, nearX, nearY, nearZ, px, py, pz, ix, iy, iz)
      const far = leave(node, nearX, nearY, nearZ, px, py, pz, ix, iy, iz, hitT)
      let mask = i32x4.bitmask(f32x4.le(near, far))
      if (mask != 0) {
        const hits = popcnt(mask)
        let keys = v128.or(v128.and(near, i32x4.splat(~3)), i32x4(0, 1, 2, 3))
        keys = v128.bitselect(keys, i32x4.splat(0x7fffffff), f32x4.le(near, far))
        // Sort the four keys.
        let other = v128.shuffle<i32>(keys, keys, 1, 0, 3, 2)
        let lo = i32x4.min_s(keys, other)
        let hi = i32x4.max_s(keys, other)
        keys = v128.shuffle<i32>(lo, hi, 0, 5, 2, 7)
        other = v128.shuffle<i32>(keys, keys, 2, 3, 0, 1)
        lo = i32x4.min_s(keys, other)
        hi = i32x4.max_s(keys, other)
        keys = v128.shuffle<i32>(lo, hi, 0, 1, 6, 7)
        other = v128.shuffle<i32>(keys, keys, 0, 2, 1, 3)
        lo = i32x4.min_s(keys, other)
        hi = i32x4.max_s(keys, other)
        keys = v128.shuffle<i32>(lo, hi, 0, 1, 6, 3)
        const k0 = i32x4.extract_lane(keys, 0)
        const k1 = i32x4.extract_lane(keys, 1)
        const k2 = i32x4.extract_lane(keys, 2)
        const k3 = i32x4.extract_lane(keys, 3)
        let at = top + (<usize>((hits - 2) & 3) << 3)
        store<i32>(at, k1)
        store<i32>(at, load<i32>(node + (<usize>(k1 & 3) << 2), NODE_CHILDREN), 4)
        at = top + (<usize>((hits - 3) & 3) << 3)
        store<i32>(at, k2)
        store<i32>(at, load<i32>(node + (<usize>(k2 & 3) << 2), NODE_CHILDREN), 4)
        at = top + (<usize>((hits - 4) & 3) << 3)
        store<i32>(at, k3)
        store<i32>(at, load<i32>(node + (<usize>(k3 & 3) << 2), NODE_CHILDREN), 4)
        top += <usize>(hits - 1) << 3
        current = load<i32>(node + (<usize>(k0 & 3) << 2), NODE_CHILDREN)
        continue
      }
    } else {
      testPacket(packets + <usize>~current * PACKET_SIZE, instance, px, py, pz, dx, dy, dz, false)
    }
    do {
      if (top == base) return
      top -= 8
    } while (load<f32>(top) > hitT)
    current = load<i32>(top, 4)
  }
}

function anyIn(root: usize, instance: usize, ox: f32, oy: f32, oz: f32, dx: f32, dy: f32, dz: f32): void {
  const base = scene.scratch + 4096 + 64
  const nodes = scene.nodes
  const packets = scene.packets
  const px = f32x4.splat(ox)
  const py = f32x4.splat(oy)
  const pz = f32x4.splat(oz)
  const ix = f32x4.splat(inverse(dx))
  const iy = f32x4.splat(inverse(dy))
  const iz = f32x4.splat(inverse(dz))
  const nearX: usize = dx < 0 ? 16 : 0
  const nearY: usize = dy < 0 ? 16 : 0
  const nearZ: usize = dz < 0 ? 16 : 0
  const reach = hitT
  let top = base
  let current: i32 = <i32>(root - nodes)
  while (true) {
    if (current >= 0) {
      const node = nodes + <usize>current
      const near = entry(node, nearX, nearY, nearZ, px, py, pz, ix, iy, iz)
      const far = leave(node, nearX, nearY, nearZ, px, py, pz, ix, iy, iz, reach)
      let mask = i32x4.bitmask(f32x4.le(near, far))
      if (mask != 0) {
        const first = <usize>ctz(mask) << 2
        mask &= mask - 1
        current = load<i32>(node + first, NODE_CHILDREN)
        while (mask != 0) {
          const lane = <usize>ctz(mask) << 2
          mask &= mask - 1
          store<i32>(top, load<i32>(node + lane, NODE_CHILDREN))
          top += 4
        }
        continue
      }
    } else {
      testPacket(packets + <usize>~current * PACKET_SIZE, instance, px, py, pz, dx, dy, dz, true)
      if (blocked) return
    }
    if (top == base) return
    top -= 4
    current = load<i32>(top)
  }
}

/** Möller and Trumbore, four triangles at once. */
// @ts-ignore: decorator
@inline
function testPacket(packet: usize, instance: usize, ox: v128, oy: v128, oz: v128, dxs: f32, dys: f32, dzs: f32, shadow: bool): void {
  const dx = f32x4.splat(dxs)
  const dy = f32x4.splat(dys)
  const dz = f32x4.splat(dzs)
  const e1x = v128.load(packet, 48)
  const e1y = v128.load(packet, 64)
  const e1z = v128.load(packet, 80)
  const e2x = v128.load(packet, 96)
  const e2y = v128.load(packet, 112)
  const e2z = v128.load(packet, 128)
  const px = v.sub(v.mul(dy, e2z), v.mul(dz, e2y))
  const py = v.sub(v.mul(dz, e2x), v.mul(dx, e2z))
  const pz = v.sub(v.mul(dx, e2y), v.mul(dy, e2x))
  const det = v.add(v.add(v.mul(e1x, px), v.mul(e1y, py)), v.mul(e1z, pz))
  const inv = f32x4.div(f32x4.splat(1), det)
  const tx = v.sub(ox, v128.load(packet, 0))
  const ty = v.sub(oy, v128.load(packet, 16))
  const tz = v.sub(oz, v128.load(packet, 32))
  const uu = v.mul(v.add(v.add(v.mul(tx, px), v.mul(ty, py)), v.mul(tz, pz)), inv)
  const qx = v.sub(v.mul(ty, e1z), v.mul(tz, e1y))
  const qy = v.sub(v.mul(tz, e1x), v.mul(tx, e1z))
  const qz = v.sub(v.mul(tx, e1y), v.mul(ty, e1x))
  const vv = v.mul(v.add(v.add(v.mul(dx, qx), v.mul(dy, qy)), v.mul(dz, qz)), inv)
  const t = v.mul(v.add(v.add(v.mul(e2x, qx), v.mul(e2y, qy)), v.mul(e2z, qz)), inv)
  const least = f32x4.splat(-SEAM)
  const inside = v128.and(
    v128.and(f32x4.ge(uu, least), f32x4.ge(vv, least)),
    f32x4.le(v.add(uu, vv), f32x4.splat(1 + SEAM))
  )
  const ahead = v128.and(f32x4.gt(t, f32x4.splat(0)), f32x4.lt(t, f32x4.splat(hitT)))
  const mask = i32x4.bitmask(v128.and(inside, ahead))
  if (mask != 0) {
    if (shadow) takeShadow(packet, mask, uu, vv)
    else takeHit(packet, instance, mask, t, uu, vv)
  }
}

function takeHit(packet: usize, instance: usize, found: i32, t: v128, uu: v128, vv: v128): void {
  const lanes = scene.scratch + 12288
  v128.store(lanes, t)
  v128.store(lanes, uu, 16)
  v128.store(lanes, vv, 32)
  let mask = found
  while (mask != 0) {
    const lane = ctz(mask)
    mask &= mask - 1
    const at = <usize>lane << 2
    const distance = load<f32>(lanes + at)
    if (!(distance < hitT)) continue
    const id = load<u32>(packet + at, PACKET_IDS)
    const hu = load<f32>(lanes + at, 16)
    const hv = load<f32>(lanes + at, 32)
    if ((id & ID_ALPHA) != 0 && passes(id, hu, hv)) continue
    hitT = distance
    hitU = hu
    hitV = hv
    hitPacket = packet
    hitLane = lane
    hitInstance = instance
  }
}

function takeShadow(packet: usize, found: i32, uu: v128, vv: v128): void {
  const lanes = scene.scratch + 12288
  v128.store(lanes, uu, 16)
  v128.store(lanes, vv, 32)
  let mask = found
  while (mask != 0) {
    const at = <usize>ctz(mask) << 2
    mask &= mask - 1
    const id = load<u32>(packet + at, PACKET_IDS)
    const hu = load<f32>(lanes + at, 16)
    const hv = load<f32>(lanes + at, 32)
    if ((id & ID_ALPHA) != 0 && passes(id, hu, hv)) continue
    if (passThrough && (id & ID_CLEAR) != 0) {
      transmitted = v.mul(transmitted, shine(id, hu, hv))
      if (v.maxOf(transmitted) > <f32>0.001) continue
    }
    blocked = true
    return
  }
}
