import type { Document, Material, Texture, TextureInfo } from '@gltf-transform/core'
import type { Transform, Transmission } from '@gltf-transform/extensions'
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
/** Largest edge of a texture: its area must fit the kernel's 32-bit arithmetic. */
const TEXTURE_EDGE_MAX = 16_384
const NARROW_BYTES = 4
const WIDE_BYTES = 8

/** Linear value of each sRGB byte, in 16 bits. */
const LINEAR = Uint16Array.from({ length: 256 }, (_, k) => Math.floor(linearOfSrgb(k / 255) * 65_535 + 0.5))

/** One picture as a material looks at it. */
export interface TextureUse {
  readonly texture: Texture
  readonly info: TextureInfo
  /** Colours are sRGB; everything else is plain numbers. */
  readonly srgb: boolean
}

/** The pictures of a material. */
export interface TextureUses {
  readonly base?: TextureUse
  readonly metallicRoughness?: TextureUse
  readonly normal?: TextureUse
  readonly emission?: TextureUse
  readonly transmission?: TextureUse
}

export function usesOf(material: Material): TextureUses {
  const transmission = material.getExtension<Transmission>('KHR_materials_transmission')
  const use = (
    name: keyof TextureUses,
    texture: Texture | null | undefined,
    info: TextureInfo | null | undefined,
    srgb: boolean
  ): TextureUses => (texture && info ? { [name]: { texture, info, srgb } } : {})
  return {
    ...use('base', material.getBaseColorTexture(), material.getBaseColorTextureInfo(), true),
    ...use(
      'metallicRoughness',
      material.getMetallicRoughnessTexture(),
      material.getMetallicRoughnessTextureInfo(),
      false
    ),
    ...use('normal', material.getNormalTexture(), material.getNormalTextureInfo(), false),
    ...use('emission', material.getEmissiveTexture(), material.getEmissiveTextureInfo(), true),
    ...use(
      'transmission',
      transmission?.getTransmissionTexture(),
      transmission?.getTransmissionTextureInfo(),
      false
    )
  }
}

/** Every picture the materials look at, once for each way of reading it. */
export function distinctUses(document: Document): TextureUse[] {
  const found = new Map<string, TextureUse>()
  const textures = document.getRoot().listTextures()
  for (const material of document.getRoot().listMaterials()) {
    for (const use of Object.values(usesOf(material)) as TextureUse[]) {
      found.set(`${textures.indexOf(use.texture)} ${use.srgb}`, use)
    }
  }
  return [...found.values()]
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

/** Bytes a use will take in kernel memory, found without decoding. */
export async function textureBytes({ texture, srgb }: TextureUse): Promise<number> {
  const image = texture.getImage()
  if (image === null || image.length === 0) throw undecodable(texture)
  const { width, height } = await sharp(image)
    .metadata()
    .catch(error => {
      throw undecodable(texture, error)
    })
  if (width > TEXTURE_EDGE_MAX || height > TEXTURE_EDGE_MAX) throw undecodable(texture)
  return Math.ceil((width * height * (srgb ? WIDE_BYTES : NARROW_BYTES) * 4) / 3)
}

interface Pixels {
  /** Where each level lies, the full size first. */
  readonly offsets: readonly number[]
  readonly widthPx: number
  readonly heightPx: number
}

async function decode({
  texture,
  srgb
}: TextureUse): Promise<{ bytes: Uint8Array; widthPx: number; heightPx: number }> {
  const { data, info } = await sharp(texture.getImage() ?? new Uint8Array())
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(error => {
      throw undecodable(texture, error)
    })
  if (info.channels !== 4) throw undecodable(texture)
  return { bytes: srgb ? widened(data) : data, widthPx: info.width, heightPx: info.height }
}

function widened(data: Uint8Array): Uint8Array {
  const words = new Uint16Array(data.length)
  for (let i = 0; i < data.length; i++) words[i] = i % 4 === 3 ? data[i]! * 257 : LINEAR[data[i]!]!
  return new Uint8Array(words.buffer)
}

/** The picture and its halves down to one texel, each texel the mean of four. Integers, so exact. */
function pyramid(bytes: Uint8Array, widthPx: number, heightPx: number, srgb: boolean): Uint8Array[] {
  const levels = [bytes]
  let [width, height] = [widthPx, heightPx]
  let finer: Uint8Array | Uint16Array = srgb
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    : bytes
  while ((width > 1 || height > 1) && levels.length < layout.LEVEL_COUNT_MAX) {
    const [w, h] = [Math.max(width >> 1, 1), Math.max(height >> 1, 1)]
    const coarser: Uint8Array | Uint16Array = srgb ? new Uint16Array(w * h * 4) : new Uint8Array(w * h * 4)
    for (let y = 0; y < h; y++) {
      const above = y * 2 * width
      const below = Math.min(y * 2 + 1, height - 1) * width
      for (let x = 0; x < w; x++) {
        const right = Math.min(x * 2 + 1, width - 1)
        for (let k = 0; k < 4; k++) {
          const top = finer[(above + x * 2) * 4 + k]! + finer[(above + right) * 4 + k]!
          const bottom = finer[(below + x * 2) * 4 + k]! + finer[(below + right) * 4 + k]!
          coarser[(y * w + x) * 4 + k] = (top + bottom + 2) >> 2
        }
      }
    }
    levels.push(new Uint8Array(coarser.buffer))
    finer = coarser
    width = w
    height = h
  }
  return levels
}

/** Decoded pictures, and the records that say how to look at them. */
export class TextureShelf {
  readonly texels: Uint8Array
  readonly #pixels: ReadonlyMap<string, Pixels>
  readonly #textures: readonly Texture[]
  readonly #records: Uint8Array[] = []
  readonly #known = new Map<string, number>()

  private constructor(textures: readonly Texture[], pixels: ReadonlyMap<string, Pixels>, texels: Uint8Array) {
    this.#textures = textures
    this.#pixels = pixels
    this.texels = texels
  }

  static async load(document: Document): Promise<TextureShelf> {
    const textures = document.getRoot().listTextures()
    const pixels = new Map<string, Pixels>()
    const images: Uint8Array[] = []
    let offset = 0
    for (const use of distinctUses(document)) {
      const { bytes, widthPx, heightPx } = await decode(use)
      const offsets: number[] = []
      for (const level of pyramid(bytes, widthPx, heightPx, use.srgb)) {
        offsets.push(offset)
        images.push(level)
        offset += level.length
      }
      pixels.set(`${textures.indexOf(use.texture)} ${use.srgb}`, { offsets, widthPx, heightPx })
    }
    return new TextureShelf(textures, pixels, Buffer.concat(images))
  }

  /** Index of the record for a use; -1 for none. */
  add(use: TextureUse | undefined): number {
    if (use === undefined) return -1
    const { offsets, widthPx, heightPx } = this.#pixels.get(
      `${this.#textures.indexOf(use.texture)} ${use.srgb}`
    )!
    const { info, srgb } = use
    const transform = info.getExtension<Transform>('KHR_texture_transform')
    const angle = transform?.getRotation() ?? 0
    const [sx, sy] = transform?.getScale() ?? [1, 1]
    const [ox, oy] = transform?.getOffset() ?? [0, 0]
    const matrix = [cos(angle) * sx, sin(angle) * sy, ox, -sin(angle) * sx, cos(angle) * sy, oy]
    const flags =
      (WRAPS[info.getWrapS()] ?? 0) |
      ((WRAPS[info.getWrapT()] ?? 0) << 2) |
      (srgb ? layout.TEXTURE_WIDE : 0) |
      (info.getMagFilter() === NEAREST ? layout.TEXTURE_NEAREST : 0)
    const key = [offsets[0], flags, ...matrix].join()
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const record = new DataView(new ArrayBuffer(layout.TEXTURE_SIZE))
    record.setInt32(layout.TEXTURE_LEVEL_COUNT, offsets.length, true)
    for (const [k, offset] of offsets.entries()) record.setUint32(layout.TEXTURE_LEVELS + k * 4, offset, true)
    record.setFloat32(layout.TEXTURE_STRETCH, Math.abs(sx * sy) * widthPx * heightPx, true)
    record.setInt32(layout.TEXTURE_WIDTH, widthPx, true)
    record.setInt32(layout.TEXTURE_HEIGHT, heightPx, true)
    record.setInt32(layout.TEXTURE_FLAGS, flags, true)
    for (const [k, value] of matrix.entries()) record.setFloat32(layout.TEXTURE_MATRIX + k * 4, value, true)
    this.#known.set(key, this.#records.length)
    this.#records.push(new Uint8Array(record.buffer))
    return this.#records.length - 1
  }

  records(): Uint8Array {
    return Buffer.concat(this.#records)
  }
}
