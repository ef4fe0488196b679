import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  Claim,
  Commit,
  CommitCert,
  PeerId,
  Release,
  Renew,
  ReplicaKey,
  Signed,
  WitnessSet
} from '@rayswarm/interface'
import type { Preset } from '@rayswarm/params'
import { fromHex, toHex } from '@rayswarm/wire'
import type { Step, WitnessState } from '../src/index.ts'

// This file runs in dist/test.
export const VECTORS_FILE = join(import.meta.dirname, '../../../../spec/vectors/lease.json')

interface Asked<Request> {
  readonly name: string
  readonly state: WitnessState
  readonly request: Request
  readonly from: PeerId
  readonly nowMs: number
  readonly step: Step<unknown>
}

export interface LeaseVectors {
  readonly setting: {
    readonly chainId: number
    readonly netId: string
    readonly params: Preset
    readonly creator: PeerId
    readonly subtaskCount: number
    readonly replicaCountMax: number
    readonly witnesses: WitnessSet
  }
  readonly claim: readonly Asked<Claim>[]
  readonly renew: readonly Asked<Renew>[]
  readonly release: readonly Asked<Release>[]
  readonly commit: readonly Asked<Signed<Commit>>[]
  readonly cert: readonly Omit<Asked<CommitCert>, 'from' | 'nowMs'>[]
  readonly term: readonly { readonly name: string; readonly etaMs: number; readonly termMs: number }[]
  readonly key: readonly {
    readonly name: string
    readonly kind: 'lease' | 'commit'
    readonly replica: ReplicaKey
    readonly key: string
  }[]
}

export function readVectors(): LeaseVectors {
  return JSON.parse(readFileSync(VECTORS_FILE, 'utf8'), (_, value) => {
    if (typeof value !== 'string') return value
    if (value.startsWith('amount:')) return BigInt(value.slice(7))
    return value.startsWith('bytes:') ? fromHex(value.slice(6)) : value
  })
}

/** JSON with byte strings and amounts as marked text. */
export function printVectors(vectors: LeaseVectors): string {
  const print = (_: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return `amount:${value}`
    return value instanceof Uint8Array ? `bytes:${toHex(value)}` : value
  }
  return `${JSON.stringify(vectors, print, 2)}\n`
}
