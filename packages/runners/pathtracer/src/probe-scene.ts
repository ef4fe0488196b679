import { type Accessor, Document, type Material, type Node, NodeIO, type Texture } from '@gltf-transform/core'
import {
  KHRLightsPunctual,
  KHRMaterialsIOR,
  KHRMaterialsTransmission,
  KHRMaterialsVolume
} from '@gltf-transform/extensions'
import sharp from 'sharp'
import { cos, PI, sin } from './exact-math.ts'

const RINGS = 6
const COLUMNS = 12

interface Shape {
  readonly points: Float32Array<ArrayBuffer>
  readonly uvs: Float32Array<ArrayBuffer>
  readonly indices: Uint16Array<ArrayBuffer>
}

function sphere(): Shape {
  const points: number[] = []
  const uvs: number[] = []
  const indices: number[] = []
  for (let j = 0; j <= RINGS; j++) {
    for (let i = 0; i <= COLUMNS; i++) {
      const theta = (j / RINGS) * PI
      const phi = (i / COLUMNS) * 2 * PI
      points.push(sin(theta) * cos(phi), cos(theta), sin(theta) * sin(phi))
      uvs.push(i / COLUMNS, j / RINGS)
    }
  }
  for (let j = 0; j < RINGS; j++) {
    for (let i = 0; i < COLUMNS; i++) {
      const a = j * (COLUMNS + 1) + i
      const b = a + COLUMNS + 1
      indices.push(a, a + 1, b, a + 1, b + 1, b)
    }
  }
  return { points: new Float32Array(points), uvs: new Float32Array(uvs), indices: new Uint16Array(indices) }
}

function quad(): Shape {
  return {
    points: new Float32Array([-1, 0, -1, -1, 0, 1, 1, 0, 1, 1, 0, -1]),
    uvs: new Float32Array([0, 0, 0, 1, 1, 1, 1, 0]),
    indices: new Uint16Array([0, 1, 2, 0, 2, 3])
  }
}

type Colour = readonly [number, number, number]

/** Four by four texels of two colours, as a PNG. */
async function checks(even: Colour, odd: Colour): Promise<Uint8Array> {
  const pixels = new Uint8Array(48)
  for (let i = 0; i < 16; i++) pixels.set(((i >> 2) + i) % 2 === 0 ? even : odd, i * 3)
  const png = await sharp(pixels, { raw: { width: 4, height: 4, channels: 3 } })
    .png()
    .toBuffer()
  return new Uint8Array(png)
}

/** A scene that is being put together. */
class Builder {
  readonly document = new Document()
  readonly scene = this.document.createScene()
  readonly #buffer = this.document.createBuffer()

  accessor(
    array: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>,
    type: 'VEC2' | 'VEC3' | 'VEC4' | 'SCALAR'
  ): Accessor {
    return this.document.createAccessor().setArray(array).setType(type).setBuffer(this.#buffer)
  }

  add(node: Node): Node {
    this.scene.addChild(node)
    return node
  }

  part({ points, uvs, indices }: Shape, material: Material, smooth: boolean): Node {
    const primitive = this.document
      .createPrimitive()
      .setAttribute('POSITION', this.accessor(points, 'VEC3'))
      .setAttribute('TEXCOORD_0', this.accessor(uvs, 'VEC2'))
      .setIndices(this.accessor(indices, 'SCALAR'))
      .setMaterial(material)
    if (smooth) primitive.setAttribute('NORMAL', this.accessor(points, 'VEC3'))
    return this.add(this.document.createNode().setMesh(this.document.createMesh().addPrimitive(primitive)))
  }

  glass(): Material {
    const { document } = this
    const transmission = document.createExtension(KHRMaterialsTransmission).createTransmission()
    const volume = document.createExtension(KHRMaterialsVolume).createVolume()
    volume.setThicknessFactor(1).setAttenuationColor([0.4, 0.8, 0.7]).setAttenuationDistance(2)
    return document
      .createMaterial()
      .setMetallicFactor(0)
      .setRoughnessFactor(0)
      .setExtension('KHR_materials_transmission', transmission.setTransmissionFactor(1))
      .setExtension('KHR_materials_volume', volume)
      .setExtension('KHR_materials_ior', document.createExtension(KHRMaterialsIOR).createIOR().setIOR(1.45))
  }

  async floor(): Promise<Material> {
    const picture = async (even: Colour, odd: Colour): Promise<Texture> =>
      this.document
        .createTexture()
        .setImage(await checks(even, odd))
        .setMimeType('image/png')
    return this.document
      .createMaterial()
      .setRoughnessFactor(0.8)
      .setBaseColorTexture(await picture([200, 60, 40], [120, 120, 130]))
      .setMetallicRoughnessTexture(await picture([0, 220, 0], [0, 90, 120]))
      .setNormalTexture(await picture([140, 120, 250], [110, 135, 250]))
  }

  veil(): Material {
    return this.document.createMaterial().setBaseColorFactor([0.3, 0.4, 0.8, 0.4]).setAlphaMode('BLEND')
  }

  light(): void {
    const light = this.document.createExtension(KHRLightsPunctual).createLight('spot').setType('spot')
    light.setIntensity(30).setInnerConeAngle(0.2).setOuterConeAngle(0.5)
    const node = this.document.createNode().setTranslation([3, 3, 4]).setRotation([-0.3, 0.3, 0, 0.9])
    this.add(node.setExtension('KHR_lights_punctual', light))
    this.scene.setExtras({
      rayswarm: {
        sky: {
          zenith: [0.2, 0.3, 0.6],
          horizon: [0.7, 0.7, 0.7],
          ground: [0.1, 0.1, 0.1],
          sun: { direction: [-1, 2, 1] }
        }
      }
    })
  }

  camera(): void {
    const camera = this.document.createCamera().setType('perspective').setYFov(0.7)
    camera.setExtras({ apertureRadius: 0.05, focusDistance: 6 })
    this.add(this.document.createNode().setCamera(camera))
      .setTranslation([0, 1.2, 6])
      .setRotation([-0.1, 0, 0, 0.995])
  }

  turn(node: Node): void {
    const keys = this.accessor(new Float32Array([0, 1]), 'SCALAR')
    const turns = this.accessor(new Float32Array([0, 0, 0, 1, 0, 0.8, 0, 0.6]), 'VEC4')
    const sampler = this.document.createAnimationSampler().setInput(keys).setOutput(turns)
    const channel = this.document.createAnimationChannel().setTargetNode(node).setTargetPath('rotation')
    this.document
      .createAnimation()
      .addSampler(sampler.setInterpolation('LINEAR'))
      .addChannel(channel.setSampler(sampler))
  }
}

/** A little of everything the kernel can do: glass, metal, a texture, an area light, a spot, motion, lens and sky. */
export async function probeScene(): Promise<Uint8Array> {
  const builder = new Builder()
  const { document } = builder
  const metal = document.createMaterial().setBaseColorFactor([0.9, 0.7, 0.4, 1]).setRoughnessFactor(0.3)
  const lamp = document.createMaterial().setEmissiveFactor([1, 0.9, 0.8]).setDoubleSided(true)
  builder
    .part(quad(), await builder.floor(), false)
    .setTranslation([0, -1, 0])
    .setScale([6, 1, 6])
  builder.part(sphere(), builder.glass(), true).setTranslation([-1.1, 0, 0])
  builder.turn(builder.part(sphere(), metal, true).setTranslation([1.1, 0, 0]))
  builder.part(quad(), lamp, false).setTranslation([0, 4, 0]).setScale([1.5, 1, 1.5])
  builder.part(quad(), builder.veil(), false).setTranslation([0, 0, 2]).setRotation([0.7, 0, 0, 0.7])
  builder.light()
  builder.camera()
  return new NodeIO()
    .registerExtensions([KHRLightsPunctual, KHRMaterialsIOR, KHRMaterialsTransmission, KHRMaterialsVolume])
    .writeBinary(document)
}
