/** Keyframes, one per film frame, so that every frame is exact whatever the interpolation. */

import type { Animation, Document, Node } from '@gltf-transform/core'
import { TAU, type Vec3 } from './geometry.ts'

export const FRAMES_PER_SECOND = 24

/** The whole film: after this everything is where it began. */
export const LOOP_FRAMES = 240

type Quaternion = readonly [number, number, number, number]

export const aboutY = (angle: number): Quaternion => [0, Math.sin(angle / 2), 0, Math.cos(angle / 2)]
export const aboutX = (angle: number): Quaternion => [Math.sin(angle / 2), 0, 0, Math.cos(angle / 2)]
export const aboutZ = (angle: number): Quaternion => [0, 0, Math.sin(angle / 2), Math.cos(angle / 2)]

export const turned = (a: Quaternion, b: Quaternion): Quaternion => [
  a[3] * b[0] + a[0] * b[3] + a[1] * b[2] - a[2] * b[1],
  a[3] * b[1] - a[0] * b[2] + a[1] * b[3] + a[2] * b[0],
  a[3] * b[2] + a[0] * b[1] - a[1] * b[0] + a[2] * b[3],
  a[3] * b[3] - a[0] * b[0] - a[1] * b[1] - a[2] * b[2]
]

const snapped = (v: number) => Math.round(v * 1e6) / 1e6 + 0

export class Choreography {
  readonly #document: Document
  readonly #animation: Animation
  readonly #times

  constructor(document: Document) {
    this.#document = document
    this.#animation = document.createAnimation('year')
    const times = Float32Array.from({ length: LOOP_FRAMES + 1 }, (_, f) => f / FRAMES_PER_SECOND)
    this.#times = document
      .createAccessor('times')
      .setBuffer(document.getRoot().listBuffers()[0]!)
      .setType('SCALAR')
      .setArray(times)
  }

  /** Turns `node` by whole revolutions per loop about its Y axis. */
  spin(node: Node, revolutions: number): void {
    this.rotate(node, loop => aboutY(loop * revolutions * TAU))
  }

  /** `at` takes the place in the loop, 0 to 1. */
  rotate(node: Node, at: (loop: number) => Quaternion): void {
    this.#channel(node, 'rotation', 'VEC4', at)
  }

  move(node: Node, at: (loop: number) => Vec3): void {
    this.#channel(node, 'translation', 'VEC3', at)
  }

  #channel(
    node: Node,
    path: 'rotation' | 'translation',
    type: 'VEC3' | 'VEC4',
    at: (loop: number) => readonly number[]
  ): void {
    const values = Array.from({ length: LOOP_FRAMES + 1 }, (_, f) => at(f / LOOP_FRAMES).map(snapped)).flat()
    const output = this.#document
      .createAccessor()
      .setBuffer(this.#document.getRoot().listBuffers()[0]!)
      .setType(type)
      .setArray(Float32Array.from(values))
    const sampler = this.#document
      .createAnimationSampler()
      .setInput(this.#times)
      .setOutput(output)
      .setInterpolation('LINEAR')
    const channel = this.#document.createAnimationChannel().setSampler(sampler)
    this.#animation.addSampler(sampler).addChannel(channel.setTargetNode(node).setTargetPath(path))
  }
}
