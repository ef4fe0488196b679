import type { Runner } from '@rayswarm/interface'
import { PathtracerRunner } from '@rayswarm/runner-pathtracer'
import { present } from '../present.ts'

/** Every engine that is built in. None does anything before it is asked to. */
export function openEngines(init: { readonly concurrency?: number } = {}): readonly Runner[] {
  return [new PathtracerRunner(present({ concurrency: init.concurrency }))]
}
