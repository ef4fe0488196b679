import * as layout from '../assembly/layout.ts'
import { worldMatrices } from './animation.ts'
import { cos, length3 } from './exact-math.ts'
import type { Kernel } from './kernel.ts'
import {
  type Affine,
  determinant,
  IDENTITY,
  inverse,
  normalized,
  transformPoint,
  type Vec3
} from './matrix.ts'
import type { Emission, PreparedScene, PunctualLight } from './prepared.ts'

const LUMINANCE = [0.2126, 0.7152, 0.0722] as const
/** Boxes of moved things are widened by this share of their size, because their corners were rounded. */
const BOX_SLACK = 1e-6
const SUN_RADIUS_MIN = 1e-4

/** What a frame is rendered with besides the scene. */
export interface FrameSetting {
  readonly frame: number
  readonly framesPerSecond: number
  readonly widthPx: number
  readonly heightPx: number
  readonly samplesPerPixel: number
  readonly seed: number
  readonly maxBounces: number
}

interface Box {
  readonly low: Vec3
  readonly high: Vec3
}

function luminance(c: readonly number[]): number {
  return LUMINANCE[0] * c[0]! + LUMINANCE[1] * c[1]! + LUMINANCE[2] * c[2]!
}

function boxOf(bounds: readonly number[], world: Affine): Box {
  const low = [Infinity, Infinity, Infinity]
  const high = [-Infinity, -Infinity, -Infinity]
  for (let corner = 0; corner < 8; corner++) {
    const at = (axis: number): number => bounds[((corner >> axis) & 1) * 3 + axis]!
    const p = transformPoint(world, at(0), at(1), at(2))
    for (let axis = 0; axis < 3; axis++) {
      if (p[axis]! < low[axis]!) low[axis] = p[axis]!
      if (p[axis]! > high[axis]!) high[axis] = p[axis]!
    }
  }
  for (let axis = 0; axis < 3; axis++) {
    const size = high[axis]! - low[axis]! + Math.abs(low[axis]!) + Math.abs(high[axis]!)
    low[axis] = low[axis]! - size * BOX_SLACK
    high[axis] = high[axis]! + size * BOX_SLACK
  }
  return { low: low as unknown as Vec3, high: high as unknown as Vec3 }
}

/** How much a transform enlarges areas, averaged over the three planes. */
function areaScale(m: Affine): number {
  const column = (k: number): Vec3 => [m[k]!, m[4 + k]!, m[8 + k]!]
  const area = (a: Vec3, b: Vec3): number =>
    length3(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
  return (area(column(0), column(1)) + area(column(1), column(2)) + area(column(2), column(0))) / 3
}

/** The part of kernel memory that belongs to one frame. Sized by the scene, rewritten for every frame. */
export class FrameMemory {
  readonly #kernel: Kernel
  readonly #scene: PreparedScene
  readonly #base: number
  readonly #at: Record<
    'head' | 'camera' | 'sky' | 'lights' | 'instances' | 'boxes' | 'top' | 'leaves' | 'work' | 'scratch',
    number
  >

  constructor(kernel: Kernel, scene: PreparedScene, base: number) {
    this.#kernel = kernel
    this.#scene = scene
    this.#base = base
    const count = scene.placements.length
    const lights = scene.placements.length + scene.lights.length + 2
    this.#at = {
      head: kernel.take(layout.HEAD_SIZE),
      camera: kernel.take(layout.CAMERA_SIZE),
      sky: kernel.take(layout.SKY_SIZE),
      lights: kernel.take(lights * layout.LIGHT_SIZE),
      instances: kernel.take((count + 1) * layout.INSTANCE_SIZE),
      boxes: kernel.take((count + 1) * 32),
      top: kernel.take((count + 1) * layout.NODE_SIZE),
      leaves: kernel.take((count + 1) * 8),
      work: kernel.take(kernel.exports.buildScratchSize(count + 1)),
      scratch: kernel.take(layout.SCRATCH_SIZE)
    }
  }

  /** Make the kernel ready to render one frame. */
  show(setting: FrameSetting): void {
    const { nodes, channels } = this.#scene
    const worlds = worldMatrices(nodes, channels, setting.frame / setting.framesPerSecond)
    const view = new DataView(this.#kernel.buffer)
    const order = this.#buildTop(view, worlds)
    const lightCount = this.#writeLights(view, worlds, order)
    this.#writeCamera(view, worlds, setting)
    this.#writeSky(view, lightCount)
    this.#writeHead(view, lightCount)
    const { head } = this.#at
    const { widthPx, heightPx, samplesPerPixel, seed, frame, maxBounces } = setting
    const mixedSeed = (seed ^ Math.imul(Math.floor(seed / 0x1_0000_0000) >>> 0, 0x9e3779b1)) >>> 0
    this.#kernel.exports.configure(
      head,
      widthPx,
      heightPx,
      samplesPerPixel,
      mixedSeed,
      frame >>> 0,
      maxBounces
    )
  }

  /** Instances in the order of the tree's leaves; returns which placement stands at each. */
  #buildTop(view: DataView, worlds: readonly Affine[]): number[] {
    const { placements } = this.#scene
    const at = this.#at
    const matrices = placements.map(({ node }) => (node < 0 ? IDENTITY : worlds[node]!))
    placements.forEach((placement, index) => {
      const flat = placement.node >= 0 && !(Math.abs(determinant(matrices[index]!)) > 1e-30)
      const box = boxOf(placement.bounds, matrices[index]!)
      const low = flat ? ([0, 0, 0] as const) : box.low
      const high = flat ? ([0, 0, 0] as const) : box.high
      for (let axis = 0; axis < 3; axis++) {
        view.setFloat32(at.boxes + index * 32 + axis * 4, low[axis]!, true)
        view.setFloat32(at.boxes + index * 32 + 16 + axis * 4, high[axis]!, true)
      }
    })
    if (placements.length === 0) {
      for (let k = 0; k < 24; k++)
        view.setFloat32(at.top + k * 4, (k >> 2) % 2 === 0 ? Infinity : -Infinity, true)
      for (let k = 0; k < 4; k++)
        view.setInt32(at.top + layout.NODE_CHILDREN + k * 4, layout.NODE_EMPTY, true)
      return []
    }
    this.#kernel.exports.build(at.boxes, placements.length, 1, at.work, at.top, 0, at.leaves, 0)
    return placements.map((_, leaf) => {
      const index = view.getInt32(at.work + view.getInt32(at.leaves + leaf * 8, true) * 4, true)
      this.#writeInstance(view, at.instances + leaf * layout.INSTANCE_SIZE, index, matrices[index]!)
      return index
    })
  }

  #writeInstance(view: DataView, address: number, index: number, world: Affine): void {
    const placement = this.#scene.placements[index]!
    const back = inverse(world)
    for (let k = 0; k < 12; k++) {
      view.setFloat32(address + k * 4, world[k]!, true)
      view.setFloat32(address + layout.INSTANCE_INVERSE + k * 4, back[k]!, true)
    }
    view.setUint32(address + layout.INSTANCE_ROOT, placement.root, true)
    view.setInt32(address + layout.INSTANCE_LIGHT, -1, true)
    view.setInt32(address + layout.INSTANCE_IDENTITY, placement.node < 0 ? 1 : 0, true)
  }

  #writeLights(view: DataView, worlds: readonly Affine[], order: readonly number[]): number {
    let count = 0
    const next = (): number => this.#at.lights + count++ * layout.LIGHT_SIZE
    order.forEach((index, instance) => {
      const { emission, node, bounds } = this.#scene.placements[index]!
      if (emission === undefined) return
      view.setInt32(this.#at.instances + instance * layout.INSTANCE_SIZE + layout.INSTANCE_LIGHT, count, true)
      writeEmitter(view, next(), instance, emission, bounds, node < 0 ? IDENTITY : worlds[node]!)
    })
    for (const light of this.#scene.lights) writePunctual(view, next(), light, worlds[light.node]!)
    const { sun, kind, mapMean } = this.#scene.sky
    if (sun !== undefined) {
      const at = next()
      view.setInt32(at, layout.KIND_SUN, true)
      view.setFloat32(at + layout.LIGHT_POWER, luminance(sun.colour), true)
      view.setInt32(this.#at.sky + layout.SKY_SUN_LIGHT, count - 1, true)
    } else view.setInt32(this.#at.sky + layout.SKY_SUN_LIGHT, -1, true)
    if (kind === 'map') {
      const at = next()
      view.setInt32(at, layout.KIND_ENVIRONMENT, true)
      view.setFloat32(at + layout.LIGHT_POWER, mapMean * Math.PI, true)
      view.setInt32(this.#at.sky + layout.SKY_LIGHT, count - 1, true)
    } else view.setInt32(this.#at.sky + layout.SKY_LIGHT, -1, true)
    return count
  }

  #writeCamera(view: DataView, worlds: readonly Affine[], setting: FrameSetting): void {
    const { camera } = this.#scene
    const world = worlds[camera.node]!
    const column = (k: number, sign: number): Vec3 =>
      normalized([sign * world[k]!, sign * world[4 + k]!, sign * world[8 + k]!])
    const eye: Vec3 = [world[3]!, world[7]!, world[11]!]
    const forward = column(2, -1)
    const wide = (camera.tanHalfFov * setting.widthPx) / setting.heightPx
    let focus = camera.focusDistance
    if (camera.focusNode >= 0) {
      const target = worlds[camera.focusNode]!
      const toTarget = [target[3]! - eye[0], target[7]! - eye[1], target[11]! - eye[2]]
      focus = toTarget[0]! * forward[0] + toTarget[1]! * forward[1] + toTarget[2]! * forward[2]
    }
    const at = this.#at.camera
    writeVec(view, at, eye)
    writeVec(view, at + layout.CAMERA_RIGHT, scaled(column(0, 1), wide))
    writeVec(view, at + layout.CAMERA_UP, scaled(column(1, 1), camera.tanHalfFov))
    writeVec(view, at + layout.CAMERA_FORWARD, forward)
    view.setFloat32(at + layout.CAMERA_LENS, focus > 0 ? camera.apertureRadius : 0, true)
    view.setFloat32(at + layout.CAMERA_FOCUS, focus, true)
    view.setFloat32(at + layout.CAMERA_SPREAD, camera.tanHalfFov / setting.heightPx, true)
  }

  #writeSky(view: DataView, lightCount: number): void {
    const { sky } = this.#scene
    const at = this.#at.sky
    const kinds = { none: layout.SKY_NONE, gradient: layout.SKY_GRADIENT, map: layout.SKY_MAP }
    view.setInt32(at + layout.SKY_KIND, kinds[sky.kind], true)
    view.setInt32(at + layout.SKY_EDGE, sky.mapEdge, true)
    view.setUint32(at + layout.SKY_COARSE, sky.mapEdge * sky.mapEdge * 16, true)
    writeVec(view, at + layout.SKY_ZENITH, sky.zenith)
    writeVec(view, at + layout.SKY_HORIZON, sky.horizon)
    writeVec(view, at + layout.SKY_GROUND, sky.ground)
    view.setFloat32(at + layout.SKY_EXPOSURE, sky.exposureScale, true)
    view.setFloat32(at + layout.SKY_CLAMP, sky.clampIndirect / sky.exposureScale, true)
    if (sky.sun === undefined || lightCount === 0) return
    const radius = Math.max(sky.sun.angularRadius, SUN_RADIUS_MIN)
    const cosine = cos(radius)
    const sine2 = 1 - cosine * cosine
    writeVec(view, at + layout.SKY_SUN_DIRECTION, sky.sun.direction)
    // Irradiance of a disc of radiance L: pi L sin².
    writeVec(view, at + layout.SKY_SUN_RADIANCE, scaled(sky.sun.colour, 1 / (Math.PI * sine2)))
    view.setFloat32(at + layout.SKY_SUN_COS, cosine, true)
    view.setFloat32(at + layout.SKY_SUN_ONE_MINUS_COS, sine2 / (1 + cosine), true)
  }

  #writeHead(view: DataView, lightCount: number): void {
    const { sections } = this.#scene
    const at = this.#at
    const words: readonly (readonly [number, number])[] = [
      [layout.HEAD_VERTICES, this.#base + sections.vertices],
      [layout.HEAD_TRIANGLES, this.#base + sections.triangles],
      [layout.HEAD_NODES, this.#base + sections.nodes],
      [layout.HEAD_PACKETS, this.#base + sections.packets],
      [layout.HEAD_MATERIALS, this.#base + sections.materials],
      [layout.HEAD_TEXTURES, this.#base + sections.textures],
      [layout.HEAD_TEXELS, this.#base + sections.texels],
      [layout.HEAD_TABLES, this.#base + sections.tables],
      [layout.HEAD_EMITTERS, this.#base + sections.emitters],
      [layout.HEAD_ENVIRONMENT, this.#base + sections.environment],
      [layout.HEAD_INSTANCES, at.instances],
      [layout.HEAD_INSTANCE_COUNT, this.#scene.placements.length],
      [layout.HEAD_TOP_NODES, at.top],
      [layout.HEAD_LIGHTS, at.lights],
      [layout.HEAD_LIGHT_COUNT, lightCount],
      [layout.HEAD_CAMERA, at.camera],
      [layout.HEAD_SKY, at.sky],
      [layout.HEAD_SCRATCH, at.scratch]
    ]
    for (const [word, value] of words) view.setUint32(at.head + word, value, true)
  }
}

function scaled(v: readonly [number, number, number], s: number): Vec3 {
  return [v[0] * s, v[1] * s, v[2] * s]
}

function writeVec(view: DataView, address: number, v: readonly [number, number, number]): void {
  for (let k = 0; k < 3; k++) view.setFloat32(address + k * 4, v[k]!, true)
}

function writeEmitter(
  view: DataView,
  at: number,
  instance: number,
  emission: Emission,
  bounds: readonly number[],
  world: Affine
): void {
  const { low, high } = boxOf(bounds, world)
  const centre: Vec3 = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2]
  const half = length3(high[0] - centre[0], high[1] - centre[1], high[2] - centre[2])
  view.setInt32(at + layout.LIGHT_KIND, layout.KIND_EMITTER, true)
  view.setInt32(at + layout.LIGHT_FIRST, emission.first, true)
  view.setInt32(at + layout.LIGHT_COUNT, emission.count, true)
  view.setInt32(at + layout.LIGHT_INSTANCE, instance, true)
  writeVec(view, at + layout.LIGHT_POSITION, centre)
  view.setFloat32(
    at + layout.LIGHT_POWER,
    luminance(emission.colour) * emission.area * areaScale(world),
    true
  )
  view.setFloat32(at + layout.LIGHT_AREA, emission.area, true)
  view.setFloat32(at + layout.LIGHT_RADIUS2, half * half, true)
}

function writePunctual(view: DataView, at: number, light: PunctualLight, world: Affine): void {
  const kinds = { point: layout.KIND_POINT, spot: layout.KIND_SPOT, directional: layout.KIND_DIRECTIONAL }
  const towards = normalized([-world[2]!, -world[6]!, -world[10]!])
  view.setInt32(at + layout.LIGHT_KIND, kinds[light.kind], true)
  writeVec(view, at + layout.LIGHT_POSITION, [world[3]!, world[7]!, world[11]!])
  view.setFloat32(at + layout.LIGHT_RANGE, light.range, true)
  writeVec(view, at + layout.LIGHT_COLOUR, light.colour)
  view.setFloat32(at + layout.LIGHT_POWER, luminance(light.colour), true)
  view.setFloat32(at + layout.LIGHT_RADIUS2, 1e-6, true)
  // A directional light is stored by where its light comes from, a spot by where it shines.
  writeVec(view, at + layout.LIGHT_DIRECTION, light.kind === 'directional' ? scaled(towards, -1) : towards)
  const inner = cos(light.innerConeAngle)
  const outer = cos(light.outerConeAngle)
  // spec: KHR_lights_punctual, "Inner and outer cone angles".
  const spotScale = 1 / Math.max(0.001, inner - outer)
  view.setFloat32(at + layout.LIGHT_COS_OUTER, outer, true)
  view.setFloat32(at + layout.LIGHT_SPOT_SCALE, spotScale, true)
  view.setFloat32(at + layout.LIGHT_SPOT_OFFSET, -outer * spotScale, true)
}
