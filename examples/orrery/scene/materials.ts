/** What things are made of. */

import type { Document, Material, Texture, TextureInfo } from '@gltf-transform/core'
import {
  KHRMaterialsEmissiveStrength,
  KHRMaterialsIOR,
  KHRMaterialsTransmission,
  KHRMaterialsVolume
} from '@gltf-transform/extensions'
import * as textures from './textures.ts'

export type MaterialName =
  | 'ivory marble'
  | 'cream marble'
  | 'grey marble'
  | 'night marble'
  | 'column stone'
  | 'grout'
  | 'polished brass'
  | 'satin brass'
  | 'hammered bronze'
  | 'steel'
  | 'copper'
  | 'silver'
  | 'clear glass'
  | 'amber glass'
  | 'teal glass'
  | 'earth'
  | 'agate'
  | 'jasper'
  | 'sun'
  | 'sea'

type Rgb = readonly [number, number, number]

/** Linear base colours; metals after measured reflectance, a little deeper to keep their hue in sky light. */
const METALS: Partial<Record<MaterialName, { colour: Rgb; roughness: number }>> = {
  'polished brass': { colour: [0.91, 0.66, 0.29], roughness: 0.16 },
  'satin brass': { colour: [0.84, 0.57, 0.23], roughness: 0.34 },
  'hammered bronze': { colour: [0.5, 0.29, 0.14], roughness: 0.38 },
  steel: { colour: [0.62, 0.63, 0.66], roughness: 0.2 },
  copper: { colour: [0.88, 0.52, 0.34], roughness: 0.3 },
  silver: { colour: [0.93, 0.92, 0.89], roughness: 0.24 }
}

/** What is left of white light behind a hand's breadth of each glass. */
const GLASSES: Partial<Record<MaterialName, Rgb>> = {
  'clear glass': [0.96, 0.98, 0.99],
  'amber glass': [0.98, 0.6, 0.16],
  'teal glass': [0.2, 0.82, 0.74]
}

type Pictures = Readonly<Record<'light' | 'dark' | 'relief' | 'polish' | 'hammered' | 'water', Texture>>

/** Makes all materials of the scene, each once. */
export async function makeMaterials(document: Document): Promise<Map<MaterialName, Material>> {
  const made = new Map<MaterialName, Material>()
  const material = (name: MaterialName): Material => {
    const fresh = document.createMaterial(name)
    made.set(name, fresh)
    return fresh
  }
  for (const [name, { colour, roughness }] of Object.entries(METALS)) {
    material(name as MaterialName)
      .setBaseColorFactor([...colour, 1])
      .setMetallicFactor(1)
      .setRoughnessFactor(roughness)
  }
  const pictures = await paintSurfaces(document)
  made.get('hammered bronze')!.setNormalTexture(pictures.hammered).setNormalScale(0.8)
  addGlasses(document, material)
  addStones(material, pictures)
  await addGlobes(document, material)
  material('sea')
    .setBaseColorFactor([0.02, 0.06, 0.09, 1])
    .setMetallicFactor(0)
    .setRoughnessFactor(0.34)
    .setNormalTexture(pictures.water)
    .setNormalScale(0.5)
  for (const m of made.values()) repeat(m.getNormalTextureInfo())
  return made
}

const textured = (document: Document) => (name: string, png: textures.Png) =>
  document.createTexture(name).setImage(png).setMimeType('image/png')

async function paintSurfaces(document: Document): Promise<Pictures> {
  const texture = textured(document)
  return {
    light: texture(
      'light marble',
      await textures.marble(768, 11, [0.93, 0.9, 0.85], [0.8, 0.77, 0.74], [0.45, 0.38, 0.31])
    ),
    dark: texture(
      'dark marble',
      await textures.marble(512, 47, [0.06, 0.1, 0.15], [0.09, 0.15, 0.21], [0.5, 0.44, 0.3])
    ),
    relief: texture('stone relief', await textures.stoneRelief(512)),
    polish: texture('stone polish', await textures.stonePolish(512)),
    hammered: texture('hammered relief', await textures.hammeredRelief(256)),
    water: texture('water relief', await textures.waterRelief(256))
  }
}

function addGlasses(document: Document, material: (name: MaterialName) => Material): void {
  const transmission = document.createExtension(KHRMaterialsTransmission)
  const refraction = document.createExtension(KHRMaterialsIOR)
  const volume = document.createExtension(KHRMaterialsVolume)
  for (const [name, colour] of Object.entries(GLASSES)) {
    material(name as MaterialName)
      .setMetallicFactor(0)
      .setRoughnessFactor(0)
      .setExtension('KHR_materials_transmission', transmission.createTransmission().setTransmissionFactor(1))
      .setExtension('KHR_materials_ior', refraction.createIOR().setIOR(1.5))
      .setExtension(
        'KHR_materials_volume',
        volume
          .createVolume()
          .setThicknessFactor(0.4)
          .setAttenuationDistance(0.3)
          .setAttenuationColor([...colour])
      )
  }
}

function addStones(material: (name: MaterialName) => Material, pictures: Pictures): void {
  const stone = (name: MaterialName, tint: Rgb, roughness: number, dark: boolean) => {
    const made = material(name)
      .setBaseColorFactor([...tint, 1])
      .setBaseColorTexture(dark ? pictures.dark : pictures.light)
      .setMetallicFactor(0)
      .setRoughnessFactor(roughness)
      .setMetallicRoughnessTexture(pictures.polish)
      .setNormalTexture(pictures.relief)
    repeat(made.getBaseColorTextureInfo())
    repeat(made.getMetallicRoughnessTextureInfo())
  }
  stone('ivory marble', [0.74, 0.71, 0.66], 0.34, false)
  stone('cream marble', [0.62, 0.49, 0.35], 0.36, false)
  stone('grey marble', [0.42, 0.44, 0.47], 0.34, false)
  stone('night marble', [1, 1, 1], 0.22, true)
  stone('column stone', [0.62, 0.53, 0.43], 0.9, false)
  material('grout').setBaseColorFactor([0.05, 0.045, 0.04, 1]).setMetallicFactor(0).setRoughnessFactor(1)
}

async function addGlobes(document: Document, material: (name: MaterialName) => Material): Promise<void> {
  const texture = textured(document)
  const earth = material('earth')
    .setBaseColorTexture(texture('earth', await textures.earthColour(1024)))
    .setMetallicRoughnessTexture(texture('earth polish', await textures.earthPolish(1024)))
  const banded = material('agate').setBaseColorTexture(texture('agate', await textures.agate(1024)))
  banded.setMetallicFactor(0).setRoughnessFactor(0.18)
  const red = material('jasper').setBaseColorTexture(texture('jasper', await textures.jasper(512)))
  red.setMetallicFactor(0).setRoughnessFactor(0.25)
  const glow = texture('sun', await textures.sunGlow(512))
  const sun = material('sun').setBaseColorFactor([0, 0, 0, 1]).setRoughnessFactor(1).setMetallicFactor(0)
  const strength = document.createExtension(KHRMaterialsEmissiveStrength).createEmissiveStrength()
  sun.setEmissiveTexture(glow).setEmissiveFactor([1, 1, 1])
  sun.setExtension('KHR_materials_emissive_strength', strength.setEmissiveStrength(6.5))
  for (const m of [earth, banded, red]) repeat(m.getBaseColorTextureInfo())
  repeat(earth.getMetallicRoughnessTextureInfo())
  repeat(sun.getEmissiveTextureInfo())
}

const REPEAT = 10497

function repeat(use: TextureInfo | null): void {
  use?.setWrapS(REPEAT).setWrapT(REPEAT)
}
