import type { Document, GLTF } from '@gltf-transform/core'
import { RayswarmError } from '@rayswarm/interface'
import { COARSE_EDGE, VERTEX_SIZE } from '../assembly/layout.ts'
import { type Group, triangleCount, vertexCount } from './geometry.ts'
import { KERNEL_BYTES_MAX } from './kernel.ts'
import { distinctUses, textureBytes } from './textures.ts'

/** Bytes per triangle while rendering: record, share of a packet, share of a node. */
const TRIANGLE_BYTES = 112
/** Bytes per triangle while the trees are built, on top. */
const TRIANGLE_BUILD_BYTES = 470
/** What the kernel, the frame and the threads need besides the scene. */
const BASE_BYTES = 16 * 1024 * 1024
const MIB = 1024 * 1024
/** A 4 × 4 matrix of floats. */
const ELEMENT_BYTES_MAX = 64
/** Environment maps are at most 1024 texels wide. */
const ENVIRONMENT_BYTES = 1024 * 1024 * 16 + COARSE_EDGE * COARSE_EDGE * 24

export interface MemoryNeed {
  /** Peak of one execution, loading included. */
  readonly peakBytes: number
  /** What must fit into one kernel. */
  readonly kernelBytes: number
}

/** Accessors without a buffer view hold no bytes in the file, but are filled with zeros when it is read. */
export function requireDeclaredMemory(json: GLTF.IGLTF, allowedBytes: number): void {
  let needBytes = 0
  for (const { bufferView, count } of json.accessors ?? []) {
    if (bufferView === undefined && Number.isFinite(count)) needBytes += count * ELEMENT_BYTES_MAX
  }
  if (needBytes > allowedBytes)
    throw tooBig(needBytes, allowedBytes, 'Export the scene without sparse accessors.')
}

/** Sum over the primitives that are stored. */
export function totalOf(
  groups: readonly Group[],
  count: (primitive: Group['pieces'][number]['primitive']) => number
): number {
  return groups.reduce(
    (all, group) => group.pieces.reduce((some, piece) => some + count(piece.primitive), all),
    0
  )
}

/** Find out what a scene will take before any of it is allocated. */
export async function estimate(
  document: Document,
  groups: readonly Group[],
  sourceBytes: number,
  hasEnvironment: boolean,
  rasterBytes: number
): Promise<MemoryNeed> {
  const triangles = totalOf(groups, triangleCount)
  let sceneBytes = totalOf(groups, vertexCount) * VERTEX_SIZE + triangles * TRIANGLE_BYTES
  for (const use of distinctUses(document)) sceneBytes += await textureBytes(use)
  if (hasEnvironment) sceneBytes += ENVIRONMENT_BYTES
  const loading = sourceBytes + triangles * TRIANGLE_BUILD_BYTES + sceneBytes * 2
  const rendering = sceneBytes * 2 + rasterBytes
  return {
    peakBytes: BASE_BYTES + Math.max(loading, rendering),
    kernelBytes: BASE_BYTES + Math.max(triangles * TRIANGLE_BUILD_BYTES, sceneBytes + rasterBytes)
  }
}

function tooBig(needBytes: number, allowedBytes: number, remedy: string): RayswarmError {
  const mib = (bytes: number): string => `${Math.ceil(bytes / MIB)} MiB`
  return new RayswarmError(
    'ERR_SCENE_MEMORY',
    `the scene needs ${mib(needBytes)} of memory, allowed are ${mib(allowedBytes)}`,
    { thing: 'scene memory', value: { needBytes, allowedBytes }, remedy }
  )
}

/** @throws {RayswarmError} `ERR_SCENE_MEMORY` */
export function requireMemory(need: MemoryNeed, allowedBytes: number): void {
  if (need.peakBytes > allowedBytes)
    throw tooBig(
      need.peakBytes,
      allowedBytes,
      'Raise memoryBytes of the job, or use fewer triangles and smaller textures.'
    )
  if (need.kernelBytes > KERNEL_BYTES_MAX)
    throw tooBig(
      need.kernelBytes,
      KERNEL_BYTES_MAX,
      'Use fewer triangles, smaller textures or smaller tiles.'
    )
}
