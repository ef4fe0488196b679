import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Attestation, Raster, VerifyPolicy } from '@rayswarm/interface'
import { fromHex, toHex } from '@rayswarm/wire'
import type { Judgement, ReplicaOutcome } from '../src/index.ts'

// This file runs in dist/test.
export const VECTORS_FILE = join(import.meta.dirname, '../../../../spec/vectors/verification.json')

interface Case {
  readonly name: string
}

export interface VerificationVectors {
  readonly digest: readonly (Case & { rasters: readonly RasterText[]; digest: Uint8Array })[]
  readonly seal: readonly (Case & {
    attestation: Attestation
    seal: Uint8Array
  })[]
  readonly judge: readonly (Case & {
    policy: VerifyPolicy
    outcomes: readonly ReplicaOutcome[]
    judgement: Judgement
  })[]
  readonly mayOpen: readonly (Case & {
    policy: VerifyPolicy
    outcomes: readonly ReplicaOutcome[]
    replica: number
    open: boolean
  })[]
}

/** A raster whose `i`-th value is `(i * step % modulus) / 65536`. */
export type RasterText = Omit<Raster, 'sums'> & { readonly step: number; readonly modulus: number }

export function rasterOf({ step, modulus, ...raster }: RasterText): Raster {
  const length = raster.widthPx * raster.heightPx * 3
  return { ...raster, sums: Float64Array.from({ length }, (_, i) => ((i * step) % modulus) / 65_536) }
}

export function readVectors(): VerificationVectors {
  return JSON.parse(readFileSync(VECTORS_FILE, 'utf8'), (_, value) =>
    typeof value === 'string' && value.startsWith('bytes:') ? fromHex(value.slice(6)) : value
  )
}

/** JSON with byte strings as marked text. */
export function printVectors(vectors: VerificationVectors): string {
  const print = (_: string, value: unknown): unknown =>
    value instanceof Uint8Array ? `bytes:${toHex(value)}` : value
  return `${JSON.stringify(vectors, print, 2)}\n`
}
