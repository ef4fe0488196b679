import { Document, type Material, type Texture, type TextureInfo } from '@gltf-transform/core'
import type { EmissiveStrength, IOR, Transform, Transmission, Volume } from '@gltf-transform/extensions'
import { RayswarmError } from '@rayswarm/interface'
import sharp from 'sharp'
import * as layout from '../assembly/layout.ts'
import { cos, linearOfSrgb, sin } from './exact-math.ts'

const WRAPS: Readonly<Record<number, number>> = {
  10497: layout.WRAP_REPEAT,
  33071: layout.WRAP_CLAMP,
  33648: layout.WRAP_MIRROR
}
const NEAREST = 9728
const IOR_DEFAULT = 1.5
/** Largest edge of a texture: its area must fit the kernel's 32-bit arithmetic. */
const TEXTURE_EDGE_MAX = 16_384

export interface MaterialTables {
  readonly materials: Uint8Array
  readonly textures: Uint8Array
  readonly texels: Uint8Array
  /** Index of each material; absent ones have the last. */
  readonly indexOf: ReadonlyMap<Material | null, number>
}

interface Pixels {
  readonly offset: number
  readonly widthPx: number
  readonly heightPx: number
}

/** Decodes images once and collects the texture records that refer to them. */
class TextureShelf {
  readonly #records: ArrayBuffer[] = []
  readonly #known = new Map<string, number>()
  readonly #pixels: Map<Texture, Pixels>

  constructor(pixels: Map<Texture, Pixels>) {
    this.#pixels = pixels
  }

  add(texture: Texture | null, info: TextureInfo | null, srgb: boolean): number {
    const pixels = texture === null ? undefined : this.#pixels.get(texture)
    if (pixels === undefined || info === null) return -1
    const transform = info.getExtension<Transform>('KHR_texture_transform')
    const angle = transform?.getRotation() ?? 0
    const [sx, sy] = transform?.getScale() ?? [1, 1]
    const [ox, oy] = transform?.getOffset() ?? [0, 0]
    const matrix = [cos(angle) * sx, sin(angle) * sy, ox, -sin(angle) * sx, cos(angle) * sy, oy]
    const flags =
      (WRAPS[info.getWrapS()] ?? 0) |
      ((WRAPS[info.getWrapT()] ?? 0) << 2) |
      (srgb ? layout.TEXTURE_SRGB : 0) |
      (info.getMagFilter() === NEAREST ? layout.TEXTURE_NEAREST : 0)
    const key = [pixels.offset, flags, ...matrix].join()
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const record = new DataView(new ArrayBuffer(layout.TEXTURE_SIZE))
    record.setUint32(layout.TEXTURE_OFFSET, pixels.offset, true)
    record.setInt32(layout.TEXTURE_WIDTH, pixels.widthPx, true)
    record.setInt32(layout.TEXTURE_HEIGHT, pixels.heightPx, true)
    record.setInt32(layout.TEXTURE_FLAGS, flags, true)
    matrix.forEach((value, k) => record.setFloat32(layout.TEXTURE_MATRIX + k * 4, value, true))
    this.#known.set(key, this.#records.length)
    this.#records.push(record.buffer)
    return this.#records.length - 1
  }

  bytes(): Uint8Array {
    return join(this.#records)
  }
}

function join(records: readonly ArrayBuffer[]): Uint8Array {
  const size = records.reduce((sum, record) => sum + record.byteLength, 0)
  const out = new Uint8Array(size)
  let at = 0
  for (const record of records) {
    out.set(new Uint8Array(record), at)
    at += record.byteLength
  }
  return out
}

/** Textures that some material of the scene looks at. */
export function texturesInUse(document: Document): Texture[] {
  const used = new Set<Texture>()
  for (const material of document.getRoot().listMaterials()) {
    const transmission = material.getExtension<Transmission>('KHR_materials_transmission')
    for (const texture of [
      material.getBaseColorTexture(),
      material.getMetallicRoughnessTexture(),
      material.getNormalTexture(),
      material.getEmissiveTexture(),
      transmission?.getTransmissionTexture() ?? null
    ]) {
      if (texture !== null) used.add(texture)
    }
  }
  return [...used]
}

function undecodable(texture: Texture, cause?: unknown): RayswarmError {
  const name = texture.getURI() || texture.getName() || 'embedded image'
  return new RayswarmError('ERR_SCENE_UNSUPPORTED', `the texture ${name} cannot be decoded`, {
    thing: 'texture',
    value: name,
    remedy: `Save it as PNG, at most ${TEXTURE_EDGE_MAX} pixels wide and high.`,
    cause
  })
}

/** Size of a texture without decoding it. */
export async function textureSize(texture: Texture): Promise<{ widthPx: number; heightPx: number }> {
  const image = texture.getImage()
  if (image === null) throw undecodable(texture)
  const { width, height } = await sharp(image)
    .metadata()
    .catch(error => {
      throw undecodable(texture, error)
    })
  if (width > TEXTURE_EDGE_MAX || height > TEXTURE_EDGE_MAX) throw undecodable(texture)
  return { widthPx: width, heightPx: height }
}

async function decode(texture: Texture): Promise<{ bytes: Uint8Array; widthPx: number; heightPx: number }> {
  const { data, info } = await sharp(texture.getImage()!)
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(error => {
      throw undecodable(texture, error)
    })
  if (info.channels !== 4) throw undecodable(texture)
  return { bytes: data, widthPx: info.width, heightPx: info.height }
}

/** Decode all textures and write all material records. */
export async function readMaterials(document: Document): Promise<MaterialTables> {
  const pixels = new Map<Texture, Pixels>()
  const images: Uint8Array[] = []
  let texelBytes = 0
  for (const texture of texturesInUse(document)) {
    const { bytes, widthPx, heightPx } = await decode(texture)
    pixels.set(texture, { offset: texelBytes, widthPx, heightPx })
    images.push(bytes)
    texelBytes += bytes.length
  }
  const texels = new Uint8Array(texelBytes)
  let at = 0
  for (const image of images) {
    texels.set(image, at)
    at += image.length
  }
  const shelf = new TextureShelf(pixels)
  const list = [...document.getRoot().listMaterials(), new Document().createMaterial()]
  const indexOf = new Map<Material | null, number>(list.map((material, index) => [material, index]))
  indexOf.set(null, list.length - 1)
  const materials = join(list.map(material => materialRecord(material, shelf)))
  return { materials, textures: shelf.bytes(), texels, indexOf }
}

/** Emitted radiance of a material without its texture. */
export function emissionOf(material: Material | null): [number, number, number] {
  if (material === null) return [0, 0, 0]
  const strength = material.getExtension<EmissiveStrength>('KHR_materials_emissive_strength')
  const factor = strength?.getEmissiveStrength() ?? 1
  const [r, g, b] = material.getEmissiveFactor()
  return [r * factor, g * factor, b * factor]
}

export function isEmissive(material: Material | null): boolean {
  return emissionOf(material).some(value => value > 0)
}

/** Rays must look at the alpha of this material. */
export function hasAlpha(material: Material | null): boolean {
  return material !== null && material.getAlphaMode() !== 'OPAQUE'
}

/** Light of punctual sources and the sun goes through. */
export function isClear(material: Material | null): boolean {
  const transmission = material?.getExtension<Transmission>('KHR_materials_transmission')
  return (transmission?.getTransmissionFactor() ?? 0) > 0
}

function absorptionOf(volume: Volume | null): number[] {
  const distance = volume?.getAttenuationDistance() ?? 0
  if (volume === null || !(distance > 0) || distance === Infinity) return [0, 0, 0]
  return volume.getAttenuationColor().map(value => -naturalLog(Math.max(value, 1e-4)) / distance)
}

/** ln by Newton's method on a series: exact arithmetic only. */
function naturalLog(value: number): number {
  let x = value
  let halvings = 0
  for (; x < 0.75; halvings++) x *= 2
  const y = (x - 1) / (x + 1)
  let sum = 0
  for (let k = 41; k >= 1; k -= 2) sum = 1 / k + y * y * sum
  return 2 * y * sum - halvings * 0.6931471805599453
}

function materialRecord(material: Material, shelf: TextureShelf): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(layout.MATERIAL_SIZE))
  const transmission = material.getExtension<Transmission>('KHR_materials_transmission')
  const volume = material.getExtension<Volume>('KHR_materials_volume')
  const ior = material.getExtension<IOR>('KHR_materials_ior')?.getIOR() ?? IOR_DEFAULT
  const solid = (volume?.getThicknessFactor() ?? 0) > 0
  const mode = material.getAlphaMode()
  const bend = ior > 1 ? ior : IOR_DEFAULT
  const f = (bend - 1) / (bend + 1)
  material
    .getBaseColorFactor()
    .forEach((value, k) => view.setFloat32(layout.MATERIAL_BASE + k * 4, value, true))
  emissionOf(material).forEach((value, k) => view.setFloat32(layout.MATERIAL_EMISSION + k * 4, value, true))
  absorptionOf(volume).forEach((value, k) => view.setFloat32(layout.MATERIAL_ABSORPTION + k * 4, value, true))
  const numbers: readonly (readonly [number, number])[] = [
    [layout.MATERIAL_METALLIC, material.getMetallicFactor()],
    [layout.MATERIAL_ROUGHNESS, material.getRoughnessFactor()],
    [layout.MATERIAL_F0, f * f],
    [layout.MATERIAL_IOR, bend],
    [layout.MATERIAL_TRANSMISSION, transmission?.getTransmissionFactor() ?? 0],
    [layout.MATERIAL_CUTOFF, material.getAlphaCutoff()],
    [layout.MATERIAL_NORMAL_SCALE, material.getNormalScale()]
  ]
  for (const [offset, value] of numbers) view.setFloat32(offset, value, true)
  const flags =
    (solid ? layout.FLAG_SOLID : 0) |
    (material.getDoubleSided() ? layout.FLAG_DOUBLE_SIDED : 0) |
    (mode === 'MASK' ? layout.FLAG_MASK : mode === 'BLEND' ? layout.FLAG_BLEND : 0) |
    (isEmissive(material) ? layout.FLAG_EMISSIVE : 0)
  view.setInt32(layout.MATERIAL_FLAGS, flags, true)
  const textures: readonly (readonly [number, number])[] = [
    [
      layout.MATERIAL_BASE_TEXTURE,
      shelf.add(material.getBaseColorTexture(), material.getBaseColorTextureInfo(), true)
    ],
    [
      layout.MATERIAL_MR_TEXTURE,
      shelf.add(material.getMetallicRoughnessTexture(), material.getMetallicRoughnessTextureInfo(), false)
    ],
    [
      layout.MATERIAL_NORMAL_TEXTURE,
      shelf.add(material.getNormalTexture(), material.getNormalTextureInfo(), false)
    ],
    [
      layout.MATERIAL_EMISSION_TEXTURE,
      shelf.add(material.getEmissiveTexture(), material.getEmissiveTextureInfo(), true)
    ],
    [
      layout.MATERIAL_TRANSMISSION_TEXTURE,
      shelf.add(
        transmission?.getTransmissionTexture() ?? null,
        transmission?.getTransmissionTextureInfo() ?? null,
        false
      )
    ]
  ]
  for (const [offset, index] of textures) view.setInt32(offset, index, true)
  return view.buffer
}

/** The two look-up tables of texel bytes: sRGB and plain. */
export function byteTables(): Float32Array {
  const tables = new Float32Array(512)
  for (let k = 0; k < 256; k++) {
    tables[k] = linearOfSrgb(k / 255)
    tables[256 + k] = k / 255
  }
  return tables
}
