import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hex } from '@rayswarm/interface'
import { type answer, IdSet, type proceed } from '../src/index.ts'
import { idsOf } from './exchanges.ts'

export const VECTORS_FILE = join(import.meta.dirname, '../../../../spec/vectors/reconcile.json')

/** Ids of a set: those of the numbers `from` to `to - 1`, the id of a number being sha2-256 of its four big-endian bytes. */
export interface SetCase {
  readonly from: number
  readonly to: number
}

export interface ReconcileVectors {
  readonly fingerprint: readonly {
    readonly name: string
    readonly ids: readonly Hex[]
    readonly fingerprint: Hex
  }[]
  readonly open: readonly {
    readonly name: string
    readonly set: SetCase
    readonly cut?: Hex
    readonly frame: Hex
  }[]
  /** With the numbers of this implementation: other splits are as valid. */
  readonly answer: readonly {
    readonly name: string
    readonly set: SetCase
    readonly frame: Hex
    readonly answer: Hex
  }[]
  readonly proceed: readonly {
    readonly name: string
    readonly set: SetCase
    readonly frame: Hex
    readonly next?: Hex
    readonly have: readonly Hex[]
    readonly want: readonly Hex[]
  }[]
  /** Frames that nobody accepts. */
  readonly refused: readonly { readonly name: string; readonly frame: Hex; readonly fault: string }[]
}

export function readVectors(): ReconcileVectors {
  return JSON.parse(readFileSync(VECTORS_FILE, 'utf8')) as ReconcileVectors
}

export function setOf({ from, to }: SetCase): IdSet {
  return new IdSet(idsOf(from, to))
}

/** The value of a judged frame. */
export function judgedValue<T>(decoded: ReturnType<typeof answer> | ReturnType<typeof proceed>): T {
  if (!decoded.ok) throw new RangeError(decoded.detail)
  return decoded.value as T
}
