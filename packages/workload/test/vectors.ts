import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hex } from '@rayswarm/interface'
import type { JobContext, JobFile } from '../src/index.ts'

export const VECTORS_FILE = join(import.meta.dirname, '../../../../spec/vectors/job.json')

export interface JobVectors {
  readonly context: JobContext
  /** `spec` is the canonical encoding; subtasks are `[id, frames, x, y, width, height, samples from, samples to, units]`. */
  readonly jobs: readonly {
    readonly file: JobFile
    readonly spec: Hex
    readonly job: string
    readonly subtasks: readonly (readonly [string, readonly number[], ...number[]])[]
  }[]
  readonly refused: readonly { readonly file: unknown; readonly code: string; readonly thing: string }[]
  /** A result of the last subtask of the first job, and what is wrong with others. */
  readonly results: readonly {
    readonly name: string
    readonly bytes: Hex
    readonly sums?: readonly number[]
  }[]
}

export function readVectors(): JobVectors {
  return JSON.parse(readFileSync(VECTORS_FILE, 'utf8')) as JobVectors
}
