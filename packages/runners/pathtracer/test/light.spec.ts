import assert from 'node:assert/strict'
import { KHRMaterialsIOR, KHRMaterialsTransmission, KHRMaterialsVolume } from '@gltf-transform/extensions'
import { mean, pixel, Stage, shoot } from './stage.ts'

function near(value: number, expected: number, tolerance: number, what = 'value'): void {
  const low = expected * (1 - tolerance)
  const high = expected * (1 + tolerance)
  assert.ok(
    value >= low && value <= high,
    `${what}: ${value} is not within ${tolerance * 100} % of ${expected}`
  )
}

function glass(stage: Stage, roughness: number, solid: boolean, ior = 1.5) {
  const { document } = stage
  const material = stage.material([1, 1, 1]).setRoughnessFactor(roughness)
  const transmission = document.createExtension(KHRMaterialsTransmission).createTransmission()
  material.setExtension('KHR_materials_transmission', transmission.setTransmissionFactor(1))
  material.setExtension(
    'KHR_materials_ior',
    document.createExtension(KHRMaterialsIOR).createIOR().setIOR(ior)
  )
  const volume = document.createExtension(KHRMaterialsVolume).createVolume()
  if (solid) material.setExtension('KHR_materials_volume', volume.setThicknessFactor(1))
  return material
}

describe('a white thing in a white world', () => {
  const cases = [
    ['matt', 1, 0],
    ['satin', 0.4, 0],
    ['glossy', 0, 0],
    ['rough metal', 1, 1],
    ['brushed metal', 0.4, 1],
    ['mirror', 0, 1]
  ] as const
  for (const [name, roughness, metallic] of cases) {
    it(`cannot be told from the background: ${name}`, async () => {
      const stage = new Stage().sky([1, 1, 1])
      stage.sphere(stage.material([1, 1, 1]).setRoughnessFactor(roughness).setMetallicFactor(metallic))
      stage.camera([0, 0, 4], 0.4)
      const [red] = mean(await shoot(stage, { maxBounces: 32 }))
      near(red, 1, 0.02, name)
    })
  }

  for (const [name, roughness, solid] of [
    ['clear ball', 0, true],
    ['frosted ball', 0.4, true],
    ['bubble', 0, false],
    ['frosted bubble', 0.4, false]
  ] as const) {
    it(`neither gains nor loses light in glass: ${name}`, async () => {
      const stage = new Stage().sky([1, 1, 1])
      stage.sphere(glass(stage, roughness, solid))
      stage.camera([0, 0, 4], 0.4)
      const [red] = mean(await shoot(stage, { maxBounces: 32 }))
      assert.ok(red < 1.005, `${red} is more than came in`)
      assert.ok(red > (roughness > 0 ? 0.85 : 0.985), `${red} is too little`)
    })
  }

  it('looks the same under an environment picture', async () => {
    const stage = new Stage()
    stage.extras.environment = 'white.hdr'
    stage.sphere(stage.material([1, 1, 1]))
    stage.camera([0, 0, 4], 0.4)
    // 1 = 128 × 2^(129 - 136)
    const pixels = Uint8Array.from({ length: 8 * 4 * 4 }, (_, i) => (i % 4 === 3 ? 129 : 128))
    const head = new TextEncoder().encode('#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 8\n')
    const [red] = mean(await shoot(stage, { maxBounces: 32 }, { 'white.hdr': Buffer.concat([head, pixels]) }))
    near(red, 1, 0.02)
  })

  it('never reflects more than it gets, whatever the material', async () => {
    for (const roughness of [0.1, 0.3, 0.7]) {
      for (const metallic of [0, 0.5, 1]) {
        const stage = new Stage().sky([1, 1, 1])
        stage.sphere(stage.material([1, 1, 1]).setRoughnessFactor(roughness).setMetallicFactor(metallic))
        stage.camera([0, 0, 4], 0.5)
        const [red] = mean(await shoot(stage, { maxBounces: 32, widthPx: 6, heightPx: 6 }))
        assert.ok(red <= 1.01, `roughness ${roughness}, metallic ${metallic}: ${red}`)
      }
    }
  })
})

describe('direct light on a matt floor', () => {
  const ALBEDO = 0.9
  /** Share that the gloss of a rough dielectric takes from its body, seen and lit from above. */
  const TOLERANCE = 0.03

  function floor(): Stage {
    const stage = new Stage()
    stage.sky([0, 0, 0])
    stage.square(stage.material([ALBEDO, ALBEDO, ALBEDO])).setScale([50, 1, 50])
    stage.cameraAbove(3)
    return stage
  }

  it('follows the inverse square of the distance of a point light', async () => {
    for (const height of [1, 2]) {
      const stage = floor()
      // Beside the camera's line of sight, so that nothing but the floor is seen.
      stage.light('point', 5).setTranslation([0.5, height, 0])
      const d2 = height * height + 0.25
      const expected = ((ALBEDO / Math.PI) * 5 * (height / Math.sqrt(d2))) / d2
      near(mean(await shoot(stage, { maxBounces: 1 }))[0], expected, TOLERANCE, `height ${height}`)
    }
  })

  it('is the cosine law under a directional light', async () => {
    const stage = floor()
    stage.light('directional', 2).setRotation([-Math.sin(Math.PI / 6), 0, 0, Math.cos(Math.PI / 6)])
    // Turned by 60 degrees about X, its light comes from 60 degrees above the horizon.
    near(
      mean(await shoot(stage, { maxBounces: 1 }))[0],
      (ALBEDO / Math.PI) * 2 * Math.sin(Math.PI / 3),
      TOLERANCE
    )
  })

  it('dies off between the cones of a spot', async () => {
    const light = async (sideways: number): Promise<number> => {
      const stage = floor()
      const node = stage.light('spot', 5).setTranslation([sideways, 2, 0])
      node.setRotation([-Math.SQRT1_2, 0, 0, Math.SQRT1_2])
      const spot = node.getExtension<import('@gltf-transform/extensions').Light>('KHR_lights_punctual')!
      spot.setInnerConeAngle(0.3).setOuterConeAngle(0.6)
      return mean(await shoot(stage, { maxBounces: 1 }))[0]
    }
    near(await light(0.4), ((ALBEDO / Math.PI) * 5 * 2) / Math.sqrt(4.16) / 4.16, TOLERANCE)
    const angle = Math.atan(0.9 / 2)
    const t = (Math.cos(angle) - Math.cos(0.6)) / (Math.cos(0.3) - Math.cos(0.6))
    near(await light(0.9), (((ALBEDO / Math.PI) * 5 * 2) / Math.sqrt(4.81) / 4.81) * t * t, TOLERANCE)
    assert.equal(await light(1.5), 0)
  })

  it('is what a small lamp gives', async () => {
    const stage = floor()
    const lamp = stage.material().setEmissiveFactor([1, 0.5, 0.25])
    // Half-edge 0.1, upside down so that its front faces the floor.
    stage.square(lamp).setScale([0.1, 1, 0.1]).setTranslation([1, 1.5, 0]).setRotation([1, 0, 0, 0])
    const raster = await shoot(stage, { maxBounces: 1, samplesPerPixel: 256 })
    const d2 = 1 + 1.5 * 1.5
    const irradiance = (0.04 * ((1.5 * 1.5) / d2)) / d2
    const expected = (ALBEDO / Math.PI) * irradiance
    const [red, green, blue] = mean(raster)
    near(red, expected, TOLERANCE)
    near(green, expected / 2, TOLERANCE)
    near(blue, expected / 4, TOLERANCE)
  })

  it('comes from the back of a lamp only if it is double sided', async () => {
    for (const doubleSided of [false, true]) {
      const stage = floor()
      const lamp = stage.material().setEmissiveFactor([1, 1, 1]).setDoubleSided(doubleSided)
      stage.square(lamp).setScale([0.1, 1, 0.1]).setTranslation([1, 1.5, 0])
      const [red] = mean(await shoot(stage, { maxBounces: 1 }))
      assert.equal(red > 0, doubleSided)
    }
  })

  it('of the sun is the cosine law, and its disc has the right size', async () => {
    const stage = floor()
    const sky = stage.extras.sky as Record<string, unknown>
    sky.sun = { direction: [0, 1, 1], colour: [3, 3, 3], angularRadius: 0.05 }
    near(mean(await shoot(stage, { maxBounces: 1 }))[0], (ALBEDO / Math.PI) * 3 * Math.SQRT1_2, TOLERANCE)
  })

  it('of an environment picture agrees with the sum over its pixels', async () => {
    const [width, height] = [64, 32]
    const pixels = new Uint8Array(width * height * 4)
    let irradiance = 0
    for (let j = 0; j < height; j++) {
      for (let i = 0; i < width; i++) {
        const latitude = Math.PI * (0.5 - (j + 0.5) / height)
        // A bright window halfway up, and a dim rest.
        const bright = j >= 6 && j < 10 && i >= 20 && i < 26
        pixels.set(bright ? [200, 200, 200, 132] : [64, 64, 64, 128], (j * width + i) * 4)
        const value = bright ? 200 / 16 : 64 / 256
        const solidAngle = ((2 * Math.PI) / width) * (Math.PI / height) * Math.cos(latitude)
        irradiance += value * solidAngle * Math.max(0, Math.sin(latitude))
      }
    }
    const head = new TextEncoder().encode(`#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y ${height} +X ${width}\n`)
    const stage = floor()
    stage.extras.sky = undefined
    stage.extras.environment = 'window.hdr'
    const files = { 'window.hdr': Buffer.concat([head, pixels]) }
    const raster = await shoot(stage, { maxBounces: 1, samplesPerPixel: 256 }, files)
    near(mean(raster)[0], (ALBEDO / Math.PI) * irradiance, TOLERANCE)
  })
})

describe('several lights', () => {
  it('add up', async () => {
    const light = async (lamp: boolean, sky: boolean): Promise<number> => {
      const stage = new Stage().sky([0, 0, 0])
      stage
        .square(stage.material([0.8, 0.8, 0.8]).setMetallicFactor(1).setRoughnessFactor(0.4))
        .setScale([50, 1, 50])
      // A lamp above the floor that faces down: its mirror image is off the line of sight.
      const glow = stage.material([0, 0, 0]).setEmissiveFactor(lamp ? [1, 1, 1] : [0, 0, 0])
      stage.square(glow).setTranslation([1.2, 1, 0]).setRotation([1, 0, 0, 0])
      if (sky) stage.extras.environment = 'sky.hdr'
      stage.cameraAbove(3)
      // Brightest overhead, where the mirror points.
      const pixels = Uint8Array.from({ length: 16 * 8 * 4 }, (_, i) =>
        i % 4 === 3 ? 129 : i < 128 ? 255 : 30
      )
      const head = new TextEncoder().encode('#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 8 +X 16\n')
      const files = { 'sky.hdr': Buffer.concat([head, pixels]) }
      return mean(await shoot(stage, { maxBounces: 1, samplesPerPixel: 1024 }, files))[0]
    }
    const [lamp, sky, both] = [await light(true, false), await light(false, true), await light(true, true)]
    assert.ok(lamp > 0.05 && sky > 0.05, `${lamp} ${sky}`)
    near(both, lamp + sky, 0.01)
  })
})

describe('glass', () => {
  /** Look down on a plane of glass from `angle` off its normal. */
  async function look(angle: number, from: 'above' | 'below'): Promise<number> {
    const stage = new Stage().sky([1, 1, 1], [0.25, 0.25, 0.25])
    stage.square(glass(stage, 0, true)).setScale([100, 1, 100])
    const side = from === 'above' ? 1 : -1
    const node = stage.camera([0, side * 3 * Math.cos(angle), 3 * Math.sin(angle)])
    const pitch = (side * -(Math.PI / 2 - angle)) / 2
    node.setRotation([Math.sin(pitch), 0, 0, Math.cos(pitch)])
    return mean(await shoot(stage, { samplesPerPixel: 1024, maxBounces: 1, widthPx: 4, heightPx: 4 }))[0]
  }

  function reflectance(angle: number): number {
    const cos = Math.cos(angle)
    const cosInside = Math.sqrt(1 - (1 - cos * cos) / 2.25)
    const s = (cos - 1.5 * cosInside) / (cos + 1.5 * cosInside)
    const p = (1.5 * cos - cosInside) / (1.5 * cos + cosInside)
    return (s * s + p * p) / 2
  }

  for (const degrees of [0, 45, 70]) {
    it(`reflects what Fresnel says at ${degrees} degrees`, async () => {
      const angle = (degrees * Math.PI) / 180
      const r = reflectance(angle)
      near(await look(angle, 'above'), r + (1 - r) * 0.25, 0.02)
    })
  }

  it('reflects everything beyond the critical angle from inside', async () => {
    near(await look(1, 'below'), 0.25, 1e-6)
  })

  it('dims the light inside by the law of Beer', async () => {
    const stage = new Stage().sky([1, 1, 1])
    const material = glass(stage, 0, true, 1)
    const volume = material.getExtension<import('@gltf-transform/extensions').Volume>('KHR_materials_volume')!
    volume.setAttenuationColor([0.5, 0.25, 1]).setAttenuationDistance(1)
    stage.square(material)
    stage.square(material).setTranslation([0, -2, 0]).setRotation([1, 0, 0, 0])
    stage.cameraAbove(3)
    const [red, green, blue] = pixel(await shoot(stage), 4, 4)
    near(red, 0.25, 0.01)
    near(green, 0.0625, 0.01)
    near(blue, 1, 0.01)
  })
})
