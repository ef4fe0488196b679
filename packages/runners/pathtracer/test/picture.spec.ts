import assert from 'node:assert/strict'
import { KHRTextureTransform } from '@gltf-transform/extensions'
import { mean, pixel, Stage, shoot, type Triple } from './stage.ts'

const RED: Triple = [255, 0, 0]
const GREEN: Triple = [0, 255, 0]
const BLUE: Triple = [0, 0, 255]
const WHITE: Triple = [255, 255, 255]
const NEAREST = 9728

/** Which of the four colours a pixel shows. */
function name([r, g, b]: Triple): string {
  if (r > 0.5 && g > 0.5) return 'white'
  if (r > 0.5) return 'red'
  return g > 0.5 ? 'green' : b > 0.5 ? 'blue' : 'black'
}

/** A glowing square that shows the four colours, seen from above: u to the right, v down. */
async function poster(): Promise<{
  stage: Stage
  info: NonNullable<ReturnType<ReturnType<Stage['material']>['getEmissiveTextureInfo']>>
}> {
  const stage = new Stage().sky([0, 0, 0])
  const material = stage.material([0, 0, 0]).setEmissiveFactor([1, 1, 1])
  material.setEmissiveTexture(await stage.picture([RED, GREEN, BLUE, WHITE], 2))
  const info = material.getEmissiveTextureInfo()!.setMagFilter(NEAREST)
  stage.square(material)
  stage.cameraAbove(2, 2 * Math.atan(0.5))
  return { stage, info }
}

describe('a texture', () => {
  it('has its first texel where u and v are least', async () => {
    const { stage } = await poster()
    const raster = await shoot(stage, { maxBounces: 0 })
    assert.equal(name(pixel(raster, 1, 1)), 'red')
    assert.equal(name(pixel(raster, 6, 1)), 'green')
    assert.equal(name(pixel(raster, 1, 6)), 'blue')
    assert.equal(name(pixel(raster, 6, 6)), 'white')
  })

  it('is moved, turned and scaled by KHR_texture_transform', async () => {
    const { stage, info } = await poster()
    const transform = stage.document.createExtension(KHRTextureTransform).createTransform()
    info.setExtension('KHR_texture_transform', transform.setOffset([0.5, 0]))
    const moved = await shoot(stage, { maxBounces: 0 })
    assert.equal(name(pixel(moved, 1, 1)), 'green')
    transform.setOffset([0, 0]).setScale([0.5, 0.5])
    const scaled = await shoot(stage, { maxBounces: 0 })
    assert.equal(name(pixel(scaled, 6, 6)), 'red')
    // A quarter turn: u takes the place of v, and v that of -u, which repeats from the far side.
    transform.setScale([1, 1]).setRotation(Math.PI / 2)
    const turned = await shoot(stage, { maxBounces: 0 })
    assert.equal(name(pixel(turned, 1, 1)), 'blue')
    assert.equal(name(pixel(turned, 6, 1)), 'red')
  })

  it('is decoded from sRGB where it is a colour', async () => {
    const stage = new Stage().sky([0, 0, 0])
    const material = stage.material([0, 0, 0]).setEmissiveFactor([1, 1, 1])
    material.setEmissiveTexture(await stage.picture([[188, 55, 255]], 1))
    stage.square(material)
    stage.cameraAbove(2, 0.1)
    const [r, g, b] = mean(await shoot(stage, { maxBounces: 0 }))
    assert.ok(Math.abs(r - 0.5029) < 1e-3 && Math.abs(g - 0.0382) < 1e-3 && b === 1, `${r} ${g} ${b}`)
  })

  it('cuts out what is below the cutoff, and lets through by share what is blended', async () => {
    for (const [mode, expected] of [
      ['OPAQUE', 1],
      ['MASK', 0],
      ['BLEND', 0.25]
    ] as const) {
      const stage = new Stage().sky([0, 0, 0])
      const material = stage
        .material([1, 1, 1])
        .setBaseColorFactor([0, 0, 0, 0.25])
        .setEmissiveFactor([1, 1, 1])
      stage.square(material.setAlphaMode(mode))
      stage.cameraAbove(2, 0.1)
      const [red] = mean(await shoot(stage, { maxBounces: 0 }))
      assert.ok(Math.abs(red - expected) < 0.02, `${mode}: ${red}`)
    }
  })

  it('tilts the surface as a normal map says: red to the right, green up', async () => {
    const lit = async (texel: Triple, light: Triple): Promise<number> => {
      const stage = new Stage().sky([0, 0, 0])
      const material = stage.material([1, 1, 1]).setNormalTexture(await stage.picture([texel], 1))
      stage.square(material)
      stage.cameraAbove(2, 0.1)
      stage.extras.sky = { zenith: [0, 0, 0], sun: { direction: light, colour: [1, 1, 1] } }
      return mean(await shoot(stage, { maxBounces: 1 }))[0]
    }
    const right: Triple = [220, 128, 220]
    const up: Triple = [128, 220, 220]
    assert.ok((await lit(right, [1, 1, 0])) > 1.5 * (await lit(right, [-1, 1, 0])))
    // Up in the picture is against growing v, which is -Z here.
    assert.ok((await lit(up, [0, 1, -1])) > 1.5 * (await lit(up, [0, 1, 1])))
  })

  it('colours by vertex as well', async () => {
    const stage = new Stage().sky([1, 1, 1])
    const node = stage.square(stage.material([1, 1, 1]))
    const colours = new Float32Array(12).map((_, i) => (i % 3 === 0 ? 0.5 : 1))
    node.getMesh()!.listPrimitives()[0]!.setAttribute('COLOR_0', stage.accessor(colours, 'VEC3'))
    stage.cameraAbove(2, 0.1)
    const [red, green] = mean(await shoot(stage))
    assert.ok(red < 0.55 && green > 0.95, `${red} ${green}`)
  })
})

describe('the camera', () => {
  it('sees things where they are', async () => {
    const stage = new Stage().sky([0, 0, 0])
    const lamp = stage.material([0, 0, 0]).setEmissiveFactor([1, 1, 1]).setDoubleSided(true)
    // 4 ahead, one quarter of the picture's half-width to the right and up.
    stage
      .square(lamp)
      .setScale([0.06, 0.06, 0.06])
      .setTranslation([1, 1, -4])
      .setRotation([Math.SQRT1_2, 0, 0, Math.SQRT1_2])
    stage.camera([0, 0, 0], Math.PI / 2)
    const raster = await shoot(stage, { maxBounces: 0, widthPx: 80, heightPx: 80, samplesPerPixel: 16 })
    let [x, y, sum] = [0, 0, 0]
    for (let row = 0; row < 80; row++) {
      for (let column = 0; column < 80; column++) {
        const [red] = pixel(raster, column, row)
        sum += red
        x += red * (column + 0.5)
        y += red * (row + 0.5)
      }
    }
    assert.ok(Math.abs(x / sum - 50) < 0.1, `column ${x / sum}`)
    assert.ok(Math.abs(y / sum - 30) < 0.1, `row ${y / sum}`)
  })

  it('keeps the vertical field of view whatever the width', async () => {
    const bright = async (widthPx: number): Promise<number> => {
      const stage = new Stage().sky([0, 0, 0])
      const lamp = stage.material([0, 0, 0]).setEmissiveFactor([1, 1, 1])
      stage.square(lamp).setScale([100, 1, 0.5])
      stage.cameraAbove(1, Math.PI / 2)
      return mean(await shoot(stage, { maxBounces: 0, widthPx, heightPx: 8 }))[0]
    }
    assert.ok(Math.abs((await bright(8)) - 0.5) < 0.01)
    assert.ok(Math.abs((await bright(32)) - 0.5) < 0.01)
  })

  it('is sharp at the distance of focus and soft elsewhere', async () => {
    const grey = async (focus: Record<string, unknown>): Promise<number> => {
      const stage = new Stage().sky([0, 0, 0])
      const lamp = stage.material([0, 0, 0]).setEmissiveFactor([1, 1, 1])
      stage.square(lamp).setName('subject').setTranslation([1, 0, 0])
      const eye = stage.cameraAbove(4, 0.4)
      eye.getCamera()!.setExtras({ rayswarm: { apertureRadius: 0.4, ...focus } })
      const raster = await shoot(stage, { maxBounces: 0, widthPx: 16, heightPx: 16 })
      let count = 0
      for (let column = 0; column < 16; column++) {
        const [red] = pixel(raster, column, 8)
        if (red > 0.02 && red < 0.98) count++
      }
      return count
    }
    assert.ok((await grey({ focusDistance: 4 })) <= 2)
    assert.ok((await grey({ focusDistance: 2 })) >= 5)
    assert.ok((await grey({ focusNode: 'subject' })) <= 2)
  })
})

describe('motion', () => {
  /** A lamp that moves from left to right within one second, under a parent that is lifted. */
  async function shift(frame: number): Promise<number> {
    const stage = new Stage().sky([0, 0, 0])
    const lamp = stage
      .square(stage.material([0, 0, 0]).setEmissiveFactor([1, 1, 1]))
      .setScale([0.25, 1, 0.25])
    const parent = stage.document.createNode().addChild(lamp)
    stage.add(parent)
    stage.cameraAbove(2, 2 * Math.atan(0.5))
    const sampler = stage.document
      .createAnimationSampler()
      .setInput(stage.accessor(new Float32Array([0, 1]), 'SCALAR'))
      .setOutput(stage.accessor(new Float32Array([-0.75, 0, 0, 0.75, 0, 0]), 'VEC3'))
    const channel = stage.document.createAnimationChannel().setTargetNode(parent).setTargetPath('translation')
    stage.document.createAnimation().addSampler(sampler).addChannel(channel.setSampler(sampler))
    const raster = await shoot(
      stage,
      { maxBounces: 0, widthPx: 32, heightPx: 8, framesPerSecond: 4 },
      {},
      frame
    )
    let [x, sum] = [0, 0]
    for (let i = 0; i < raster.sums.length; i += 3) {
      sum += raster.sums[i]!
      x += raster.sums[i]! * (((i / 3) % 32) + 0.5)
    }
    return x / sum
  }

  it('is where the frame says', async () => {
    // The picture is 8 units wide and 32 pixels: 4 pixels per unit around column 16.
    for (const [frame, column] of [
      [0, 13],
      [1, 14.5],
      [2, 16],
      [4, 19],
      [9, 19]
    ] as const) {
      const found = await shift(frame)
      assert.ok(Math.abs(found - column) < 0.05, `frame ${frame}: column ${found}, not ${column}`)
    }
  })
})
