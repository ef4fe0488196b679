import type { RenderWork } from '@rayswarm/interface'
import { kernelModule } from './kernel.ts'
import type { RenderConstants } from './messages.ts'
import { startThread } from './thread.ts'

/** What of the built-in scene is rendered. spec/pathtracer.md#built-in-scene */
export const PROBE_FRAME: { readonly work: RenderWork; readonly constants: RenderConstants } = {
  work: {
    kind: 'render',
    frames: [12],
    tile: { xPx: 0, yPx: 0, widthPx: 48, heightPx: 32 },
    samples: { from: 0, to: 4 }
  },
  constants: { framesPerSecond: 24, widthPx: 48, heightPx: 32, samplesPerPixel: 4, seed: 1, maxBounces: 6 }
}

/** SHA-256 of its pixel sums as little-endian doubles. Any other digest means: this machine does not compute what others do. */
export const PROBE_DIGEST = '9ce56bee8924e0ba9ec27f98dfc5555c6b90b77001e385347000d3d9a7a9c9b0'

/** Render the built-in scene and digest it. */
export async function probeDigest(): Promise<string> {
  const kernel = await kernelModule()
  return new Promise((resolve, reject) => {
    const worker = startThread('probe', kernel)
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the probing thread ended without a digest')))
  })
}
