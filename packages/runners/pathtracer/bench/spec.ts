import type { JobSpec, RenderSpec } from '@rayswarm/interface'

const GIB = 1024 ** 3

/** A job spec around the parts of a render that matter here. */
export function benchSpec(work: Partial<RenderSpec>): JobSpec {
  return {
    version: 1,
    creator: '',
    nonce: 0,
    name: 'bench',
    manifest: '',
    assetsSizeBytes: 0,
    work: {
      kind: 'render',
      engine: 'pathtracer',
      entry: 'scene.glb',
      frames: [{ first: 1, last: 1 }],
      framesPerSecond: 24,
      widthPx: 320,
      heightPx: 180,
      samplesPerPixel: 16,
      maxBounces: 6,
      seed: 1,
      output: { exposureStops: 0, toneMap: 'aces', exr: 'none' },
      split: { framesPerSubtask: 1, tileColumns: 1, tileRows: 1, sampleRanges: 1 },
      ...work
    },
    verify: { replicaCount: 1, replicaCountMax: 1, quorum: 1 },
    pricePerMegaUnitMax: 0n,
    memoryBytes: 4 * GIB,
    deadlineAfterMs: 0
  }
}
