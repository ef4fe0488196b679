import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Accessor, Document, type Material, type Node, NodeIO } from '@gltf-transform/core'
import { ALL_EXTENSIONS, KHRLightsPunctual } from '@gltf-transform/extensions'
import type { JobSpec, Raster, RenderSpec, RenderWork, Subtask } from '@rayswarm/interface'
import sharp from 'sharp'
import { PathtracerRunner } from '../src/index.ts'

export type Triple = readonly [number, number, number]

/** A scene under construction. Y is up; the camera looks along -Z until it is turned. */
export class Stage {
  readonly document = new Document()
  readonly scene = this.document.createScene()
  readonly buffer = this.document.createBuffer()
  readonly extras: Record<string, unknown> = {}

  accessor(
    array: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
    type: 'VEC2' | 'VEC3' | 'VEC4' | 'SCALAR'
  ): Accessor {
    return this.document.createAccessor().setArray(array).setType(type).setBuffer(this.buffer)
  }

  material(base: Triple = [0.5, 0.5, 0.5]): Material {
    return this.document
      .createMaterial()
      .setBaseColorFactor([...base, 1])
      .setMetallicFactor(0)
      .setRoughnessFactor(1)
  }

  /** A square of half-edge 1 in the XZ plane, facing up; u grows with x, v with z. */
  square(material: Material): Node {
    const primitive = this.document
      .createPrimitive()
      .setAttribute(
        'POSITION',
        this.accessor(new Float32Array([-1, 0, -1, -1, 0, 1, 1, 0, 1, 1, 0, -1]), 'VEC3')
      )
      .setAttribute('TEXCOORD_0', this.accessor(new Float32Array([0, 0, 0, 1, 1, 1, 1, 0]), 'VEC2'))
      .setIndices(this.accessor(new Uint32Array([0, 1, 2, 0, 2, 3]), 'SCALAR'))
      .setMaterial(material)
    return this.add(this.document.createNode().setMesh(this.document.createMesh().addPrimitive(primitive)))
  }

  sphere(material: Material, rings = 32): Node {
    const columns = rings * 2
    const points: number[] = []
    const indices: number[] = []
    for (let j = 0; j <= rings; j++) {
      for (let i = 0; i <= columns; i++) {
        const [theta, phi] = [(j / rings) * Math.PI, (i / columns) * 2 * Math.PI]
        points.push(Math.sin(theta) * Math.cos(phi), Math.cos(theta), Math.sin(theta) * Math.sin(phi))
        const a = j * (columns + 1) + i
        const b = a + columns + 1
        if (j < rings && i < columns) indices.push(a, a + 1, b, a + 1, b + 1, b)
      }
    }
    const at = this.accessor(new Float32Array(points), 'VEC3')
    const primitive = this.document
      .createPrimitive()
      .setAttribute('POSITION', at)
      .setAttribute('NORMAL', at)
      .setIndices(this.accessor(new Uint32Array(indices), 'SCALAR'))
      .setMaterial(material)
    return this.add(this.document.createNode().setMesh(this.document.createMesh().addPrimitive(primitive)))
  }

  light(kind: 'point' | 'spot' | 'directional', intensity: number): Node {
    const light = this.document
      .createExtension(KHRLightsPunctual)
      .createLight()
      .setType(kind)
      .setIntensity(intensity)
    return this.add(this.document.createNode().setExtension('KHR_lights_punctual', light))
  }

  camera(place: Triple, yFov = 0.02): Node {
    const camera = this.document.createCamera().setType('perspective').setYFov(yFov)
    return this.add(
      this.document
        .createNode('eye')
        .setCamera(camera)
        .setTranslation([...place])
    )
  }

  /** A camera above the origin that looks straight down; the top of the picture is -Z. */
  cameraAbove(height: number, yFov = 0.02): Node {
    return this.camera([0, height, 0], yFov).setRotation([-Math.SQRT1_2, 0, 0, Math.SQRT1_2])
  }

  sky(zenith: Triple, ground: Triple = zenith): this {
    this.extras.sky = { zenith, horizon: zenith, ground }
    return this
  }

  /** A picture of `width` pixels per row, as PNG. */
  async picture(pixels: readonly Triple[], width: number): Promise<ReturnType<Document['createTexture']>> {
    const raw = { width, height: pixels.length / width, channels: 3 as const }
    const png = await sharp(Uint8Array.from(pixels.flat()), { raw }).png().toBuffer()
    return this.document.createTexture('picture').setImage(new Uint8Array(png)).setMimeType('image/png')
  }

  add(node: Node): Node {
    this.scene.addChild(node)
    return node
  }

  async glb(): Promise<Uint8Array> {
    if (Object.keys(this.extras).length > 0) this.scene.setExtras({ rayswarm: this.extras })
    return new NodeIO().registerExtensions(ALL_EXTENSIONS).writeBinary(this.document)
  }
}

export const GIB = 1024 ** 3

export function jobSpec(work: Partial<RenderSpec> = {}, memoryBytes = GIB): JobSpec {
  return {
    version: 1,
    creator: '',
    nonce: 0,
    name: 'test',
    manifest: '',
    assetsSizeBytes: 0,
    work: {
      kind: 'render',
      engine: 'pathtracer',
      entry: 'scene.glb',
      frames: [{ first: 0, last: 0 }],
      framesPerSecond: 1,
      widthPx: 8,
      heightPx: 8,
      samplesPerPixel: 64,
      maxBounces: 8,
      seed: 1,
      output: { exposureStops: 0, toneMap: 'linear', exr: 'none' },
      split: { framesPerSubtask: 1, tileColumns: 1, tileRows: 1, sampleRanges: 1 },
      ...work
    },
    verify: { replicaCount: 1, replicaCountMax: 1, quorum: 1 },
    pricePerMegaUnitMax: 0n,
    memoryBytes,
    deadlineAfterMs: 0
  }
}

export function subtask(spec: JobSpec, over: Partial<RenderWork> = {}): Subtask {
  const { widthPx, heightPx, samplesPerPixel } = spec.work
  const work: RenderWork = {
    kind: 'render',
    frames: [0],
    tile: { xPx: 0, yPx: 0, widthPx, heightPx },
    samples: { from: 0, to: samplesPerPixel },
    ...over
  }
  return { id: '', job: '', index: 0, work, workUnits: 0 }
}

/** Call `use` with a fresh directory that is removed afterwards. */
export async function inDirectory<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'rayswarm-pathtracer-'))
  try {
    return await use(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Render frame 0 of a stage as a whole. Further files lie beside the scene. */
export async function shoot(
  stage: Stage,
  work: Partial<RenderSpec> = {},
  files: Readonly<Record<string, Uint8Array>> = {},
  frame = 0
): Promise<Raster> {
  return inDirectory(async dir => {
    await writeFile(join(dir, 'scene.glb'), await stage.glb())
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(dir, name), bytes)
    const spec = jobSpec(work)
    const session = await new PathtracerRunner({ concurrency: 1 }).open(spec, dir)
    try {
      const { rasters } = await session.run(subtask(spec, { frames: [frame] }), {
        signal: new AbortController().signal
      })
      return rasters[0]!
    } finally {
      await session.close()
    }
  })
}

/** Mean radiance of a whole raster. */
export function mean(raster: Raster): Triple {
  const count = (raster.samplesTo - raster.samplesFrom) * raster.widthPx * raster.heightPx
  const total = [0, 0, 0]
  for (let i = 0; i < raster.sums.length; i++) total[i % 3]! += raster.sums[i]!
  return [total[0]! / count, total[1]! / count, total[2]! / count]
}

/** Mean radiance of one pixel. */
export function pixel(raster: Raster, column: number, row: number): Triple {
  const at = (row * raster.widthPx + column) * 3
  const n = raster.samplesTo - raster.samplesFrom
  return [raster.sums[at]! / n, raster.sums[at + 1]! / n, raster.sums[at + 2]! / n]
}
