import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  Admission,
  Amount,
  Claim,
  Commit,
  CommitCert,
  EquivocationClaim,
  JobId,
  PeerId,
  Registration,
  Release,
  Renew,
  ReplicaKey,
  Signed,
  WitnessRule,
  WitnessSet
} from '@rayswarm/interface'
import type { Preset } from '@rayswarm/params'
import { fromHex, toHex } from '@rayswarm/wire'
import type { DrawInit, LeaseFault, RaceWeight, Step, WitnessRules, WitnessState } from '../src/index.ts'

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

/** What a drawn witness knows beside the request. */
interface Known {
  /** When the claimant's turn comes after the replica opened; absent if it is not registered. */
  readonly turnMs?: number
  readonly openSinceMs?: number
  readonly conflict?: 'same-holder' | 'caught'
  readonly etaMsMax?: number
}

/** The rules of `known`, as a witness has them. */
export function knowing(
  rules: WitnessRules,
  { turnMs, conflict, openSinceMs, etaMsMax }: Known
): WitnessRules {
  return { ...rules, race: () => turnMs, conflict: () => conflict, openSinceMs, etaMsMax }
}

export interface LeaseVectors {
  readonly setting: {
    readonly chainId: number
    readonly netId: string
    readonly params: Preset
    readonly creator: PeerId
    readonly subtaskCount: number
    readonly replicaCountMax: number
    /** Owner mode: claim, renew, release, commit, cert. */
    readonly witnesses: WitnessSet
    /** Witness mode: turn, progress, takeover, equivocation. The first member answers. */
    readonly drawn: WitnessSet
    readonly priceCap: Amount
    /** draw, race, sortition. */
    readonly randomness: Uint8Array
    readonly registered: readonly Registration[]
  }
  readonly claim: readonly Asked<Claim>[]
  readonly renew: readonly Asked<Renew>[]
  readonly release: readonly Asked<Release>[]
  readonly commit: readonly Asked<Signed<Commit>>[]
  readonly cert: readonly Omit<Asked<CommitCert>, 'from' | 'nowMs'>[]
  readonly turn: readonly (Asked<Claim> & { readonly known: Known })[]
  readonly progress: readonly Asked<Renew>[]
  readonly takeover: readonly Asked<Renew>[]
  readonly chance: readonly { readonly name: string; readonly hash: Uint8Array; readonly variate: bigint }[]
  readonly draw: readonly {
    readonly name: string
    readonly init: DrawInit
    /** Absent if nobody can be drawn. */
    readonly drawn?: readonly PeerId[]
  }[]
  readonly tier: readonly {
    readonly name: string
    readonly locked: Amount
    readonly eligibleCount: number
    readonly rule: WitnessRule
  }[]
  readonly race: readonly {
    readonly name: string
    readonly replica: ReplicaKey
    readonly fence: number
    readonly node: PeerId
    readonly share: RaceWeight
    readonly delayMs: number
  }[]
  readonly sortition: readonly {
    readonly name: string
    readonly job: JobId
    readonly node: PeerId
    readonly share: RaceWeight
    readonly elapsedMs: number
    readonly bids: boolean
  }[]
  readonly equivocation: readonly {
    readonly name: string
    readonly claim: EquivocationClaim
    readonly admission: Admission<LeaseFault>
  }[]
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
