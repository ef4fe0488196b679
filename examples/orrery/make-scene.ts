/**
 * Makes `scene.glb` and `sky.hdr`: a brass orrery on a marble terrace above the sea, at sunset. `node make-scene.ts`
 * writes the same bytes every time; nothing is downloaded, everything is computed.
 */

import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Document, type Node, NodeIO } from '@gltf-transform/core'
import { ALL_EXTENSIONS } from '@gltf-transform/extensions'
import { arm, SHAFT_REVOLUTIONS, shaft, shaftPlace, stand, type Wheel, wheel } from './scene/clockwork.ts'
import { COLUMN_COUNT, column, columnPlace, entablature } from './scene/colonnade.ts'
import { sea, terrace } from './scene/floor.ts'
import { polar } from './scene/geometry.ts'
import { addCamera, setLight } from './scene/light.ts'
import { makeMaterials } from './scene/materials.ts'
import { aboutX, aboutY, aboutZ, Choreography, turned } from './scene/motion.ts'
import { Stage } from './scene/part.ts'
import { body, ECLIPTIC, hoop, moon, PLANETS, type Planet, sun, WHEEL_REVOLUTIONS } from './scene/planets.ts'
import { packRadiance } from './scene/radiance-file.ts'
import { panorama } from './scene/sky.ts'

function addSurroundings(stage: Stage, root: Node): void {
  stage.node('terrace', root, terrace())
  stage.node('sea', root, sea())
  stage.node('entablature', root, entablature())
  const one = column()
  for (let i = 0; i < COLUMN_COUNT; i++) {
    const place = columnPlace(i)
    const node = stage.node(`column ${i + 1}`, root, one).setTranslation([...place])
    node.setRotation([...aboutY(((i + 0.5) / COLUMN_COUNT) * Math.PI * 2)])
  }
}

function addPlanet(stage: Stage, motion: Choreography, carrier: Node, planet: Planet): void {
  const seat = stage.node(`${planet.name} seat`, carrier)
  seat.setTranslation([...polar(planet.reach, planet.angle, ECLIPTIC)])
  const axis = stage.node(`${planet.name} axis`, seat)
  axis.setRotation([...aboutZ((planet.tiltDegrees / 180) * Math.PI)])
  motion.spin(stage.node(planet.name, axis, body(planet)), planet.spin)
  if (planet.name === 'Earth') motion.spin(stage.node('Moon', seat, moon()), 9)
}

function addClockwork(stage: Stage, motion: Choreography, root: Node): void {
  stage.node('stand', root, stand())
  const wheels = WHEEL_REVOLUTIONS.map((revolutions, level): Wheel => ({ level, revolutions }))
  const pivot = stage.node('shaft pivot', root).setTranslation([...shaftPlace()])
  motion.spin(stage.node('shaft', pivot, shaft(wheels)), -SHAFT_REVOLUTIONS)
  for (const one of wheels) {
    const part = wheel(one)
    const carried = PLANETS.filter(p => p.level === one.level)
    for (const { level, angle, reach, radius } of carried) {
      part.add(arm({ level, angle, reach, cup: ECLIPTIC - radius, gauge: 0.018 + radius * 0.03 }))
    }
    const node = stage.node(`wheel ${one.level + 1}`, root, part)
    motion.spin(node, one.revolutions)
    for (const planet of carried) addPlanet(stage, motion, node, planet)
  }
}

function addSun(stage: Stage, motion: Choreography, root: Node): void {
  const heart = stage.node('sun', root, sun()).setTranslation([0, ECLIPTIC, 0])
  const outer = stage.node('meridian hoop', heart, hoop(0.66, 0.028))
  motion.spin(outer, -1)
  const tilt = stage.node('ecliptic tilt', outer)
  motion.rotate(tilt, loop => turned(aboutX(1.1), aboutZ(loop * Math.PI * 2)))
  stage.node('ecliptic hoop', tilt, hoop(0.575, 0.026))
}

/** Pixels around the horizon. */
const SKY_WIDTH = 1024

async function makeScene(): Promise<{ bytes: Uint8Array; triangleCount: number }> {
  const document = new Document()
  document.createBuffer()
  const materials = await makeMaterials(document)
  const stage = new Stage(document, materials)
  const motion = new Choreography(document)
  const scene = document.createScene('Orrery')
  document.getRoot().setDefaultScene(scene)
  const root = document.createNode('world')
  scene.addChild(root)
  addSurroundings(stage, root)
  addClockwork(stage, motion, root)
  addSun(stage, motion, root)
  addCamera(document, motion, root)
  setLight(scene)
  const io = new NodeIO().registerExtensions(ALL_EXTENSIONS)
  return { bytes: await io.writeBinary(document), triangleCount: stage.triangleCount }
}

const { bytes, triangleCount } = await makeScene()
const sky = packRadiance(panorama(SKY_WIDTH), SKY_WIDTH, SKY_WIDTH / 2)
for (const [name, content] of Object.entries({ 'scene.glb': bytes, 'sky.hdr': sky })) {
  await writeFile(fileURLToPath(new URL(name, import.meta.url)), content)
  console.log(`${name}: ${content.length} bytes`)
}
console.log(`${triangleCount} triangles`)
