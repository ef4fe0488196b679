/**
 * @packageDocumentation
 *
 * The embedded renderer: a path tracer for glTF 2.0 whose pixels are the same bits on every machine.
 *
 * @example
 *
 * ```ts
 * import { PathtracerRunner } from '@rayswarm/runner-pathtracer'
 *
 * const session = await new PathtracerRunner().open(spec, 'scenes')
 * const { rasters } = await session.run(subtask, { signal: AbortSignal.timeout(60_000) })
 * await session.close()
 * ```
 */
export { sceneFiles } from './gltf-file.ts'
export { PROBE_DIGEST } from './probe.ts'
export { ENGINE, EQUIVALENCE_CLASS, type PathtracerInit, PathtracerRunner } from './runner.ts'
export { PathtracerSession } from './session.ts'
