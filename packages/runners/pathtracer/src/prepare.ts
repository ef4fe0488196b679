import { readFile } from 'node:fs/promises'
import type { Document } from '@gltf-transform/core'
import * as layout from '../assembly/layout.ts'
import { type EnvironmentMap, environmentMap, readRadiance } from './environment.ts'
import { length3 } from './exact-math.ts'
import { environmentSetting, readCamera, readLights, readSky } from './extras.ts'
import { GeometryStore, type Group, plan, triangleCount, vertexCount } from './geometry.ts'
import { environmentUri, type GltfFile, locate, readDocument, references } from './gltf-file.ts'
import { Kernel } from './kernel.ts'
import { emissionOf, type MaterialTables, readMaterials } from './materials.ts'
import { estimate, requireDeclaredMemory, requireMemory, totalOf } from './memory.ts'
import type { Emission, Placement, PreparedScene, Sections } from './prepared.ts'
import { readTree } from './tree.ts'

/** What trees of boxes are built into, group by group. */
interface Grown {
  readonly nodes: Uint8Array[]
  readonly packets: Uint8Array[]
  readonly emitters: Uint8Array[]
  nodeBytes: number
  packetCount: number
  emitterCount: number
}

/** What may be used to load a scene. */
export interface PrepareLimits {
  readonly camera: string | undefined
  readonly allowedBytes: number
  readonly rasterBytes: number
  readonly kernel: WebAssembly.Module
}

/**
 * Load a scene and bring it into the kernel's form.
 *
 * @throws {RayswarmError} `ERR_FILE_MISSING`, `ERR_PATH_ESCAPES`, `ERR_NOT_GLTF`, `ERR_SCENE_UNSUPPORTED`, `ERR_SCENE_MEMORY`
 */
export async function prepare(dir: string, file: GltfFile, limits: PrepareLimits): Promise<PreparedScene> {
  requireDeclaredMemory(file.json, limits.allowedBytes)
  const document = await readDocument(dir, file)
  const tree = readTree(document, file)
  const camera = readCamera(document, tree, limits.camera)
  const groups = plan(tree)
  const hasMap = environmentUri(file.json) !== undefined
  const sourceBytes = file.sizeBytes + sourceSize(document)
  requireMemory(
    await estimate(document, groups, sourceBytes, hasMap, limits.rasterBytes),
    limits.allowedBytes
  )
  const map = await readEnvironment(dir, file)
  const lights = readLights(tree)
  const hasLight = lights.length > 0 || groups.some(({ emissive }) => emissive !== undefined)
  const sky = readSky(file, hasLight, map)
  const tables = await readMaterials(document)
  const kernel = new Kernel(limits.kernel)
  const store = new GeometryStore(totalOf(groups, vertexCount), totalOf(groups, triangleCount))
  const grown: Grown = { nodes: [], packets: [], emitters: [], nodeBytes: 0, packetCount: 0, emitterCount: 0 }
  const placements = groups.flatMap(group => grow(kernel, group, store, tables, grown))
  const { bytes, sections } = pack([
    ['vertices', [new Uint8Array(store.vertices, 0, store.vertexCount * layout.VERTEX_SIZE)]],
    ['triangles', [new Uint8Array(store.triangles, 0, store.triangleCount * layout.TRIANGLE_SIZE)]],
    ['nodes', grown.nodes],
    ['packets', grown.packets],
    ['materials', [tables.materials]],
    ['textures', [tables.textures]],
    ['texels', [tables.texels]],
    ['tables', [lookUpTables(kernel)]],
    ['emitters', grown.emitters],
    ['environment', map === undefined ? [] : [map.bytes]]
  ])
  const { nodes, channels } = tree
  return {
    bytes,
    sections,
    nodes,
    channels,
    placements,
    lights,
    camera,
    sky,
    triangleCount: store.triangleCount
  }
}

/** Bytes of the buffers and images that were read beside the entry. */
function sourceSize(document: Document): number {
  const root = document.getRoot()
  const images = root.listTextures().reduce((sum, texture) => sum + (texture.getImage()?.length ?? 0), 0)
  return root.listAccessors().reduce((sum, accessor) => sum + accessor.getByteLength(), images)
}

async function readEnvironment(dir: string, file: GltfFile): Promise<EnvironmentMap | undefined> {
  const reference = references(file).find(({ kind }) => kind === 'environment')
  if (reference === undefined) return undefined
  const bytes = await readFile(await locate(dir, reference.path, 'environment'))
  const { intensity, rotation } = environmentSetting(file)
  return environmentMap(readRadiance(reference.path, bytes), intensity, rotation)
}

function lookUpTables(kernel: Kernel): Uint8Array {
  const address = kernel.take(layout.TABLES_SIZE)
  kernel.exports.tabulate(address)
  return new Uint8Array(kernel.buffer).slice(address, address + layout.TABLES_SIZE)
}

/** Build the tree of one group; one placement for each node it hangs on. */
function grow(
  kernel: Kernel,
  group: Group,
  store: GeometryStore,
  tables: MaterialTables,
  grown: Grown
): Placement[] {
  const capacity = totalOf([group], triangleCount)
  const corners = new Float32Array(capacity * 9)
  const ids = new Uint32Array(capacity)
  let count = 0
  for (const piece of group.pieces) {
    const material = tables.indexOf.get(piece.primitive.getMaterial())!
    count += store.add(piece, material, corners, ids, count)
  }
  if (count === 0) return []
  const mark = kernel.mark()
  const { exports } = kernel
  const cornersAt = kernel.take(count * 36)
  const idsAt = kernel.take(count * 4)
  const boxes = kernel.take(count * 32)
  const work = kernel.take(exports.buildScratchSize(count))
  const nodes = kernel.take(count * layout.NODE_SIZE)
  const leaves = kernel.take(count * 8)
  new Float32Array(kernel.buffer, cornersAt, count * 9).set(corners.subarray(0, count * 9))
  new Uint32Array(kernel.buffer, idsAt, count).set(ids.subarray(0, count))
  exports.boxTriangles(cornersAt, count, boxes)
  const root = grown.nodeBytes
  const nodeCount = exports.build(boxes, count, 4, work, nodes, root, leaves, grown.packetCount)
  const leafCount = exports.builtLeaves()
  const packets = kernel.take(leafCount * layout.PACKET_SIZE)
  exports.fillPackets(leaves, leafCount, work, cornersAt, idsAt, packets)
  const memory = new Uint8Array(kernel.buffer)
  const packetBytes = memory.slice(packets, packets + leafCount * layout.PACKET_SIZE)
  grown.nodes.push(memory.slice(nodes, nodes + nodeCount * layout.NODE_SIZE))
  grown.packets.push(packetBytes)
  kernel.release(mark)
  const bounds = boundsOf(corners, count)
  const emission = group.emissive === undefined ? undefined : emissionFrom(group, packetBytes, grown)
  grown.nodeBytes += nodeCount * layout.NODE_SIZE
  grown.packetCount += leafCount
  return group.nodes.map(node => ({ node, root, bounds, ...(emission === undefined ? {} : { emission }) }))
}

function boundsOf(corners: Float32Array, count: number): number[] {
  const bounds = [Infinity, Infinity, Infinity, -Infinity, -Infinity, -Infinity]
  for (let i = 0; i < count * 9; i++) {
    const axis = i % 3
    const value = corners[i]!
    if (value < bounds[axis]!) bounds[axis] = value
    if (value > bounds[axis + 3]!) bounds[axis + 3] = value
  }
  return bounds
}

/** List a group's emitting triangles with their cumulative share of its area. */
function emissionFrom(group: Group, packets: Uint8Array, grown: Grown): Emission | undefined {
  const view = new DataView(packets.buffer, packets.byteOffset, packets.byteLength)
  const found: { packet: number; lane: number; area: number; id: number }[] = []
  let area = 0
  for (let packet = 0; packet * layout.PACKET_SIZE < packets.length; packet++) {
    for (let lane = 0; lane < 4; lane++) {
      const at = (row: number): number =>
        view.getFloat32(packet * layout.PACKET_SIZE + row * 16 + lane * 4, true)
      const [ax, ay, az, bx, by, bz] = [at(3), at(4), at(5), at(6), at(7), at(8)]
      const size = length3(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx) / 2
      if (!(size > 0)) continue
      const id = view.getUint32(packet * layout.PACKET_SIZE + layout.PACKET_IDS + lane * 4, true)
      found.push({ packet: packet + grown.packetCount, lane, area: size, id })
      area += size
    }
  }
  if (found.length === 0) return undefined
  const list = new DataView(new ArrayBuffer(found.length * layout.EMITTER_SIZE))
  let passed = 0
  found.forEach((one, index) => {
    passed += one.area
    const target = index * layout.EMITTER_SIZE
    list.setUint32(target, one.packet, true)
    list.setUint32(target + 4, one.lane, true)
    list.setFloat32(target + 8, index === found.length - 1 ? 1 : passed / area, true)
    list.setUint32(target + 12, one.id, true)
  })
  const first = grown.emitterCount
  grown.emitters.push(new Uint8Array(list.buffer))
  grown.emitterCount += found.length
  return { first, count: found.length, area, colour: emissionOf(group.emissive!) }
}

/** Lay sections one after another, each aligned to 64 bytes. */
function pack(parts: readonly (readonly [keyof Sections, readonly Uint8Array[]])[]): {
  bytes: SharedArrayBuffer
  sections: Sections
} {
  const sections: Partial<Record<keyof Sections, number>> = {}
  let size = 0
  for (const [name, pieces] of parts) {
    sections[name] = size
    size += pieces.reduce((all, piece) => all + piece.length, 0)
    size = Math.ceil(size / 64) * 64 + 64
  }
  const bytes = new SharedArrayBuffer(size)
  const target = new Uint8Array(bytes)
  for (const [name, pieces] of parts) {
    let at = sections[name]!
    for (const piece of pieces) {
      target.set(piece, at)
      at += piece.length
    }
  }
  return { bytes, sections: sections as Sections }
}
