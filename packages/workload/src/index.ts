/**
 * @packageDocumentation
 *
 * What a job is: from the file a person writes to the subtasks every peer derives alike, and back from their results to
 * whole frames.
 *
 * @example
 *
 * ```ts
 * import { cidOf, nodeIdentity } from '@rayswarm/wire'
 * import { jobSpecOf, parseJobFile, split } from '@rayswarm/workload'
 *
 * const { peerId: creator } = nodeIdentity(new Uint8Array(32).fill(7))
 * const file = parseJobFile({ scene: 'scene.glb', frames: '1-24', split: { tileColumns: 2, tileRows: 2 } })
 * const spec = jobSpecOf(file, { creator, manifest: cidOf({ entries: [] }), assetsSizeBytes: 0, nonce: 0 })
 * console.log(split(spec).length) // 96
 * ```
 */
export { FrameAssembler } from './assembler.ts'
export { framesOf, parseFrames, rangesOf } from './frames.ts'
export {
  JOB_DEFAULTS,
  type JobContext,
  type JobFile,
  jobSpecOf,
  parseJobFile,
  parseJobSpec
} from './job-file.ts'
export { decodeOutput, encodeOutput, outputSizeBytes } from './output.ts'
export { split } from './split.ts'
