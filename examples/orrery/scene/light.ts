/** Evening light and the camera that walks around the instrument. */

import type { Document, Node, Scene } from '@gltf-transform/core'
import { polar, TAU } from './geometry.ts'
import { aboutX, aboutY, type Choreography, turned } from './motion.ts'
import { SUN_DIRECTION } from './sky.ts'

const CAMERA_DISTANCE = 7.6
/** The camera's place at the start; the twelfth frame sees the view that the composition is made for. */
const CAMERA_START = -0.05 * TAU
const TARGET_HEIGHT = 2.08

export function setLight(scene: Scene): void {
  scene.setExtras({
    rayswarm: {
      environment: { image: 'sky.hdr', intensity: 1 },
      clampIndirect: 2.5,
      sky: { sun: { direction: [...SUN_DIRECTION], colour: [11, 6.4, 3.1], angularRadius: 0.02 } }
    }
  })
}

export function addCamera(document: Document, motion: Choreography, root: Node): void {
  const lens = document
    .createCamera('lens')
    .setType('perspective')
    .setYFov(0.61)
    .setAspectRatio(16 / 9)
  lens.setZNear(0.05).setZFar(2000)
  lens.setExtras({ focusDistance: 6.3, apertureRadius: 0.035 })
  const node = document.createNode('camera').setCamera(lens)
  root.addChild(node)
  const angle = (loop: number) => CAMERA_START + loop * TAU
  const height = (loop: number) => 2.85 + 0.3 * Math.cos((loop - 0.05) * TAU)
  motion.move(node, loop => polar(CAMERA_DISTANCE, angle(loop), height(loop)))
  motion.rotate(node, loop =>
    turned(aboutY(angle(loop)), aboutX(-Math.atan2(height(loop) - TARGET_HEIGHT, CAMERA_DISTANCE)))
  )
}
