import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Document, NodeIO } from '@gltf-transform/core'

/** A small generator of numbers in 0..1, so that the bench always sees the same scene. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 0x1_0000_0000
  }
}

/** A sphere of `rings` × `2 rings` quads with bumps on it. */
function bumpySphere(
  rings: number,
  bump: number
): { points: Float32Array<ArrayBuffer>; indices: Uint32Array<ArrayBuffer> } {
  const columns = rings * 2
  const points = new Float32Array((rings + 1) * (columns + 1) * 3)
  const indices = new Uint32Array(rings * columns * 6)
  for (let j = 0; j <= rings; j++) {
    for (let i = 0; i <= columns; i++) {
      const [theta, phi] = [(j / rings) * Math.PI, (i / columns) * 2 * Math.PI]
      const r = 1 + bump * Math.sin(phi * 9) * Math.sin(theta * 11)
      const at = (j * (columns + 1) + i) * 3
      points[at] = r * Math.sin(theta) * Math.cos(phi)
      points[at + 1] = r * Math.cos(theta)
      points[at + 2] = r * Math.sin(theta) * Math.sin(phi)
    }
  }
  for (let j = 0; j < rings; j++) {
    for (let i = 0; i < columns; i++) {
      const a = j * (columns + 1) + i
      const b = a + columns + 1
      indices.set([a, b, a + 1, a + 1, b, b + 1], (j * columns + i) * 6)
    }
  }
  return { points, indices }
}

/** About 100 000 triangles: 25 bumpy spheres of three materials on a floor, under a sky. */
export async function benchScene(): Promise<Uint8Array> {
  const document = new Document()
  const buffer = document.createBuffer()
  const scene = document.createScene()
  const { points, indices } = bumpySphere(32, 0.08)
  const position = document.createAccessor().setType('VEC3').setArray(points).setBuffer(buffer)
  const order = document.createAccessor().setType('SCALAR').setArray(indices).setBuffer(buffer)
  const materials = [
    document.createMaterial().setBaseColorFactor([0.7, 0.5, 0.4, 1]).setMetallicFactor(0),
    document.createMaterial().setBaseColorFactor([0.9, 0.8, 0.5, 1]).setRoughnessFactor(0.3),
    document.createMaterial().setBaseColorFactor([0.5, 0.6, 0.8, 1]).setMetallicFactor(0)
  ]
  const draw = numbers(7)
  for (let k = 0; k < 25; k++) {
    const primitive = document
      .createPrimitive()
      .setAttribute('POSITION', position)
      .setIndices(order)
      .setMaterial(materials[k % 3]!)
    const place = [(k % 5) * 2.2 - 4.4, draw() * 2, Math.floor(k / 5) * 2.2 - 4.4] as const
    const node = document.createNode().setMesh(document.createMesh().addPrimitive(primitive))
    scene.addChild(node.setTranslation([...place]))
  }
  const floor = document
    .createAccessor()
    .setType('VEC3')
    .setArray(
      new Float32Array([
        -20, -1.1, -20, -20, -1.1, 20, 20, -1.1, 20, -20, -1.1, -20, 20, -1.1, 20, 20, -1.1, -20
      ])
    )
    .setBuffer(buffer)
  const ground = document.createPrimitive().setAttribute('POSITION', floor).setMaterial(materials[0]!)
  scene.addChild(document.createNode().setMesh(document.createMesh().addPrimitive(ground)))
  const camera = document.createCamera().setType('perspective').setYFov(0.7)
  scene.addChild(document.createNode().setCamera(camera).setTranslation([0, 3, 14]))
  scene.setExtras({
    rayswarm: { sky: { zenith: [0.3, 0.5, 0.9], horizon: [0.9, 0.9, 0.9], sun: { direction: [1, 2, 1] } } }
  })
  return new NodeIO().writeBinary(document)
}

/** Call `use` with a directory that holds the scene as `scene.glb`. */
export async function withScene<T>(bytes: Uint8Array, use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'rayswarm-bench-'))
  try {
    await writeFile(join(dir, 'scene.glb'), bytes)
    return await use(dir)
  } finally {
    await rm(dir, { recursive: true })
  }
}
