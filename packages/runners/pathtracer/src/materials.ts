import { Document, type Material } from '@gltf-transform/core'
import type { EmissiveStrength, IOR, Transmission, Volume } from '@gltf-transform/extensions'
import * as layout from '../assembly/layout.ts'
import { ln } from './exact-math.ts'
import { TextureShelf, usesOf } from './textures.ts'

const IOR_DEFAULT = 1.5
/** Least share of light that an attenuation colour may let through. */
const ATTENUATION_MIN = 1e-4

export interface MaterialTables {
  readonly materials: Uint8Array
  readonly textures: Uint8Array
  readonly texels: Uint8Array
  /** Index of each material; `null` is that of primitives without one. */
  readonly indexOf: ReadonlyMap<Material | null, number>
}

/** Decode all textures and write all material records. */
export async function readMaterials(document: Document): Promise<MaterialTables> {
  const shelf = await TextureShelf.load(document)
  const list = [...document.getRoot().listMaterials(), new Document().createMaterial()]
  const indexOf = new Map<Material | null, number>(list.map((material, index) => [material, index]))
  indexOf.set(null, list.length - 1)
  const materials = Buffer.concat(list.map(material => materialRecord(material, shelf)))
  return { materials, textures: shelf.records(), texels: shelf.texels, indexOf }
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

/** Absorption per unit of length, from the colour that is left after a distance. */
function absorptionOf(volume: Volume | null): number[] {
  const distance = volume?.getAttenuationDistance() ?? 0
  if (volume === null || !(distance > 0) || distance === Infinity) return [0, 0, 0]
  return volume.getAttenuationColor().map(value => -ln(Math.max(value, ATTENUATION_MIN)) / distance)
}

function materialRecord(material: Material, shelf: TextureShelf): Uint8Array {
  const view = new DataView(new ArrayBuffer(layout.MATERIAL_SIZE))
  const transmission = material.getExtension<Transmission>('KHR_materials_transmission')
  const volume = material.getExtension<Volume>('KHR_materials_volume')
  const ior = material.getExtension<IOR>('KHR_materials_ior')?.getIOR() ?? IOR_DEFAULT
  const bend = ior >= 1 ? ior : IOR_DEFAULT
  const f = (bend - 1) / (bend + 1)
  const put = (offset: number, ...values: readonly number[]): void => {
    for (const [k, value] of values.entries()) view.setFloat32(offset + k * 4, value, true)
  }
  put(layout.MATERIAL_BASE, ...material.getBaseColorFactor())
  put(layout.MATERIAL_EMISSION, ...emissionOf(material))
  put(layout.MATERIAL_ABSORPTION, ...absorptionOf(volume))
  put(layout.MATERIAL_METALLIC, material.getMetallicFactor())
  put(layout.MATERIAL_ROUGHNESS, material.getRoughnessFactor())
  put(layout.MATERIAL_F0, f * f)
  put(layout.MATERIAL_IOR, bend)
  put(layout.MATERIAL_TRANSMISSION, transmission?.getTransmissionFactor() ?? 0)
  put(layout.MATERIAL_CUTOFF, material.getAlphaCutoff())
  put(layout.MATERIAL_NORMAL_SCALE, material.getNormalScale())
  const mode = material.getAlphaMode()
  const flags =
    ((volume?.getThicknessFactor() ?? 0) > 0 ? layout.FLAG_SOLID : 0) |
    (material.getDoubleSided() ? layout.FLAG_DOUBLE_SIDED : 0) |
    (mode === 'MASK' ? layout.FLAG_MASK : mode === 'BLEND' ? layout.FLAG_BLEND : 0) |
    (isEmissive(material) ? layout.FLAG_EMISSIVE : 0)
  view.setInt32(layout.MATERIAL_FLAGS, flags, true)
  const uses = usesOf(material)
  view.setInt32(layout.MATERIAL_BASE_TEXTURE, shelf.add(uses.base), true)
  view.setInt32(layout.MATERIAL_MR_TEXTURE, shelf.add(uses.metallicRoughness), true)
  view.setInt32(layout.MATERIAL_NORMAL_TEXTURE, shelf.add(uses.normal), true)
  view.setInt32(layout.MATERIAL_EMISSION_TEXTURE, shelf.add(uses.emission), true)
  view.setInt32(layout.MATERIAL_TRANSMISSION_TEXTURE, shelf.add(uses.transmission), true)
  return new Uint8Array(view.buffer)
}
