import type { Accessor, Material, Primitive } from '@gltf-transform/core'
import * as layout from '../assembly/layout.ts'
import { animatedNodes, worldMatrices } from './animation.ts'
import { hasAlpha, isClear, isEmissive } from './materials.ts'
import { type Affine, determinant, inverse, transformNormal, transformPoint, type Vec3 } from './matrix.ts'
import { floats, type Tree } from './tree.ts'

const TRIANGLES = 4
const TRIANGLE_STRIP = 5
const TRIANGLE_FAN = 6

/** One primitive, to be stored once. */
export interface Piece {
  readonly primitive: Primitive
  /** Set when the piece stands still: it is stored in world space. */
  readonly world?: Affine
}

/** Pieces that share one tree of boxes, and the nodes the tree hangs on. */
export interface Group {
  readonly pieces: Piece[]
  /** -1: world space. */
  readonly nodes: number[]
  readonly emissive: Material | undefined
}

export function isTriangles(primitive: Primitive): boolean {
  const mode = primitive.getMode()
  return mode === TRIANGLES || mode === TRIANGLE_STRIP || mode === TRIANGLE_FAN
}

export function triangleCount(primitive: Primitive): number {
  const position = primitive.getAttribute('POSITION')
  const count = primitive.getIndices()?.getCount() ?? position?.getCount() ?? 0
  return primitive.getMode() === TRIANGLES ? Math.floor(count / 3) : Math.max(0, count - 2)
}

export function vertexCount(primitive: Primitive): number {
  return primitive.getAttribute('POSITION')?.getCount() ?? 0
}

/**
 * Decide which triangles share a tree: all that stand still and do not emit; each mesh that moves; and each emitting
 * primitive by itself, so that light can be drawn from it.
 */
export function plan(tree: Tree): Group[] {
  const moving = animatedNodes(tree.nodes, tree.channels)
  const still = worldMatrices(tree.nodes, [], 0)
  const groups = new Map<string, Group>()
  const meshes = new Map<unknown, number>()
  tree.sources.forEach((source, node) => {
    const mesh = source.getMesh()
    if (mesh === null) return
    if (!meshes.has(mesh)) meshes.set(mesh, meshes.size)
    const primitives = mesh
      .listPrimitives()
      .filter(p => isTriangles(p) && vertexCount(p) > 0 && triangleCount(p) > 0)
    primitives.forEach((primitive, index) => {
      const emissive = isEmissive(primitive.getMaterial()) ? primitive.getMaterial()! : undefined
      const place = moving[node] ? `mesh ${meshes.get(mesh)}` : emissive ? `node ${node}` : 'still'
      const key = emissive ? `${place} ${index}` : place
      const group = groups.get(key) ?? { pieces: [], nodes: [], emissive }
      groups.set(key, group)
      const piece: Piece = moving[node] ? { primitive } : { primitive, world: still[node]! }
      const owner = moving[node] ? node : -1
      const known = moving[node] && group.pieces.some(other => other.primitive === primitive)
      if (!known) group.pieces.push(piece)
      if (!group.nodes.includes(owner)) group.nodes.push(owner)
    })
  })
  return [...groups.values()]
}

/** Vertices and triangles of the whole scene, written piece by piece. */
export class GeometryStore {
  readonly vertices: ArrayBuffer
  readonly triangles: ArrayBuffer
  vertexCount = 0
  triangleCount = 0
  readonly #floats: Float32Array
  readonly #words: Uint32Array
  readonly #records: Uint32Array

  constructor(vertexCountMax: number, triangleCountMax: number) {
    this.vertices = new ArrayBuffer(vertexCountMax * layout.VERTEX_SIZE)
    this.triangles = new ArrayBuffer(triangleCountMax * layout.TRIANGLE_SIZE)
    this.#floats = new Float32Array(this.vertices)
    this.#words = new Uint32Array(this.vertices)
    this.#records = new Uint32Array(this.triangles)
  }

  /** Store a piece. Corner positions and ids of its triangles go to `corners` and `ids` from triangle `at` on; returns how many. */
  add(piece: Piece, materialIndex: number, corners: Float32Array, ids: Uint32Array, at: number): number {
    const { primitive, world } = piece
    const material = primitive.getMaterial()
    const points = placed(floats(primitive.getAttribute('POSITION')!), world)
    const first = this.vertexCount
    const normals = primitive.getAttribute('NORMAL')
    this.#addVertices(primitive, points.length / 3, world)
    const flat = normals === null ? layout.TRIANGLE_FLAT : 0
    const bits = (hasAlpha(material) ? layout.ID_ALPHA : 0) | (isClear(material) ? layout.ID_CLEAR : 0)
    const flipped = world !== undefined && determinant(world) < 0
    let stored = 0
    forEachTriangle(primitive, points.length / 3, (a, b, c) => {
      const [p, q, r] = flipped ? [a, c, b] : [a, b, c]
      const target = (at + stored) * 9
      let finite = true
      for (let axis = 0; axis < 3; axis++) {
        const values = [points[p * 3 + axis]!, points[q * 3 + axis]!, points[r * 3 + axis]!]
        finite &&= values.every(Number.isFinite)
        for (let k = 0; k < 3; k++) corners[target + k * 3 + axis] = values[k]!
      }
      if (!finite) return
      const record = this.triangleCount * 4
      this.#records[record] = first + p
      this.#records[record + 1] = first + q
      this.#records[record + 2] = first + r
      this.#records[record + 3] = (materialIndex | flat) >>> 0
      ids[at + stored] = (this.triangleCount | bits) >>> 0
      this.triangleCount++
      stored++
    })
    return stored
  }

  #addVertices(primitive: Primitive, count: number, world: Affine | undefined): void {
    const normals = read(primitive.getAttribute('NORMAL'))
    const uvs = read(primitive.getAttribute('TEXCOORD_0'))
    const colour = primitive.getAttribute('COLOR_0')
    const colours = read(colour)
    const width = colour?.getElementSize() ?? 4
    const back = world === undefined ? undefined : inverse(world)
    for (let i = 0; i < count; i++) {
      const target = (this.vertexCount + i) * 4
      let n: Vec3 = [normals?.[i * 3] ?? 0, normals?.[i * 3 + 1] ?? 0, normals?.[i * 3 + 2] ?? 0]
      if (back !== undefined) n = transformNormal(back, ...n)
      this.#words[target] = octahedral(n)
      this.#words[target + 1] = colours === undefined ? 0xffffffff : packed(colours, i * width, width)
      this.#floats[target + 2] = uvs?.[i * 2] ?? 0
      this.#floats[target + 3] = uvs?.[i * 2 + 1] ?? 0
    }
    this.vertexCount += count
  }
}

function read(accessor: Accessor | null): Float32Array | undefined {
  return accessor === null ? undefined : floats(accessor)
}

/** A direction as two signed 16-bit numbers on the unfolded octahedron. */
function octahedral([x, y, z]: Vec3): number {
  const norm = Math.abs(x) + Math.abs(y) + Math.abs(z)
  if (!(norm > 0)) return 0
  let a = x / norm
  let b = z / norm
  if (y < 0) {
    const fold = a
    a = (1 - Math.abs(b)) * (fold < 0 ? -1 : 1)
    b = (1 - Math.abs(fold)) * (b < 0 ? -1 : 1)
  }
  const word = (v: number): number => Math.floor(v * 32_767 + 0.5) & 0xffff
  return (word(a) | (word(b) << 16)) >>> 0
}

function packed(colours: Float32Array, at: number, width: number): number {
  let word = 0
  for (let k = 0; k < 4; k++) {
    const value = k < width ? colours[at + k]! : 1
    const byte = Math.floor(Math.min(Math.max(value, 0), 1) * 255 + 0.5)
    word |= byte << (k * 8)
  }
  return word >>> 0
}

function placed(points: Float32Array, world: Affine | undefined): Float32Array {
  if (world === undefined) return points
  const out = new Float32Array(points.length)
  for (let i = 0; i + 2 < points.length; i += 3) {
    const [x, y, z] = transformPoint(world, points[i]!, points[i + 1]!, points[i + 2]!)
    out[i] = x
    out[i + 1] = y
    out[i + 2] = z
  }
  return out
}

function forEachTriangle(
  primitive: Primitive,
  count: number,
  visit: (a: number, b: number, c: number) => void
): void {
  const indices = primitive.getIndices()?.getArray()
  const at = (i: number): number => (indices ? indices[i]! : i)
  const total = triangleCount(primitive)
  const mode = primitive.getMode()
  const take = (a: number, b: number, c: number): void => {
    if (a < count && b < count && c < count) visit(a, b, c)
  }
  for (let t = 0; t < total; t++) {
    if (mode === TRIANGLES) take(at(t * 3), at(t * 3 + 1), at(t * 3 + 2))
    else if (mode === TRIANGLE_FAN) take(at(0), at(t + 1), at(t + 2))
    else if (t % 2 === 0) take(at(t), at(t + 1), at(t + 2))
    else take(at(t + 1), at(t), at(t + 2))
  }
}
