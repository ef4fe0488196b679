import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Overrides of a {@link writeScene} scene, for scenes that must be refused. */
export interface SceneOptions {
  /** Where the triangle's numbers are said to be. */
  readonly bufferUri?: string
  readonly name?: string
}

/** The smallest scene that shows something: a lit triangle before a camera. Answers the path of its .gltf. */
export function writeScene(dir: string, options: SceneOptions = {}): string {
  const corners = new Float32Array([-1, -1, 0, 1, -1, 0, 0, 1, 0])
  const bufferUri = options.bufferUri ?? 'triangle.bin'
  const path = join(dir, options.name ?? 'scene.gltf')
  mkdirSync(dirname(path), { recursive: true })
  if (options.bufferUri === undefined)
    writeFileSync(join(dirname(path), bufferUri), new Uint8Array(corners.buffer))
  const gltf = {
    asset: { version: '2.0' },
    extensionsUsed: ['KHR_lights_punctual'],
    extensions: { KHR_lights_punctual: { lights: [{ type: 'directional', intensity: 3 }] } },
    scene: 0,
    scenes: [{ nodes: [0, 1, 2] }],
    nodes: [
      { mesh: 0 },
      { camera: 0, translation: [0, 0, 3], name: 'camera' },
      { extensions: { KHR_lights_punctual: { light: 0 } } }
    ],
    cameras: [{ type: 'perspective', perspective: { yfov: 0.8, znear: 0.1 } }],
    meshes: [{ primitives: [{ attributes: { POSITION: 0 }, material: 0 }] }],
    materials: [{ pbrMetallicRoughness: { baseColorFactor: [0.8, 0.3, 0.2, 1], metallicFactor: 0 } }],
    accessors: [
      { bufferView: 0, componentType: 5126, count: 3, type: 'VEC3', min: [-1, -1, 0], max: [1, 1, 0] }
    ],
    bufferViews: [{ buffer: 0, byteLength: corners.byteLength }],
    buffers: [{ uri: bufferUri, byteLength: corners.byteLength }]
  }
  writeFileSync(path, JSON.stringify(gltf))
  return path
}

/** A job file of the smallest scene: a few pixels, a few samples. */
export function writeJob(dir: string, fields: Readonly<Record<string, unknown>> = {}): string {
  const path = join(dir, 'job.json')
  writeScene(dir)
  const job = { scene: 'scene.gltf', widthPx: 32, heightPx: 18, samplesPerPixel: 2, frames: '1-2', ...fields }
  writeFileSync(path, JSON.stringify(job))
  return path
}
