import type { Account, Bid, Escrow, Identity, JobSpec, Offer, PeerId, Signed } from '@rayswarm/interface'
import { cidOf, jobHashOf, jobIdOf, nodeIdentity, sha256, signed, toAccount, toHex } from '@rayswarm/wire'
import { escrowIdOf, type OpenReplica, type StandingBid } from '../src/index.ts'

const text = new TextEncoder()

export function identityOf(name: string): Identity {
  return nodeIdentity(sha256(text.encode(`rayswarm market test ${name}`)))
}

export function peerOf(name: string): PeerId {
  return identityOf(name).peerId
}

export function accountOf(name: string): Account {
  return toAccount(toHex(sha256(text.encode(name)).slice(0, 20)))!
}

export const CONTRACT = accountOf('JobEscrow')
export const CHAIN_ID = 31_337
export const CREATED_AT_MS = 1_000_000
export const DEADLINE_MS = 600_000
export const CLASS = 'pathtracer/1/wasm'

export function spec(over: Partial<JobSpec> = {}): JobSpec {
  return {
    version: 1,
    creator: peerOf('creator'),
    nonce: 0,
    name: 'market test',
    manifest: cidOf('manifest'),
    assetsSizeBytes: 1_000,
    work: {
      kind: 'render',
      engine: 'pathtracer',
      entry: 'scene.gltf',
      frames: [{ first: 1, last: 4 }],
      framesPerSecond: 24,
      widthPx: 320,
      heightPx: 180,
      samplesPerPixel: 16,
      maxBounces: 4,
      seed: 1,
      output: { exposureStops: 0, toneMap: 'aces', exr: 'none' },
      split: { framesPerSubtask: 1, tileColumns: 1, tileRows: 1, sampleRanges: 1 }
    },
    verify: { replicaCount: 2, replicaCountMax: 3, quorum: 2 },
    pricePerMegaUnitMax: 1_000n,
    memoryBytes: 1_000_000,
    deadlineAfterMs: DEADLINE_MS,
    ...over
  }
}

const JOB = jobIdOf(spec())

export function offer(over: Partial<Offer> = {}, jobSpec = spec()): Offer {
  const escrowSalt = toHex(sha256(text.encode('salt')))
  const account = accountOf('creator')
  const id = escrowIdOf(account, jobHashOf(jobIdOf(jobSpec)), escrowSalt)
  return {
    spec: jobSpec,
    escrow: { chainId: CHAIN_ID, contract: CONTRACT, id },
    escrowSalt,
    account,
    witness: { witnessCount: 1, quorum: 1 },
    addresses: [],
    createdAtMs: CREATED_AT_MS,
    ...over
  }
}

export function signedOffer(body = offer(), by = 'creator'): Signed<Offer> {
  return signed('offer', body, { identity: identityOf(by), chainId: CHAIN_ID, netId: 'market-test' })
}

export function escrow(over: Partial<Escrow> = {}): Escrow {
  return {
    ref: offer().escrow,
    creator: accountOf('creator'),
    locked: 8_000n,
    state: 'locked',
    refundableAtS: 10_000,
    final: true,
    ...over
  }
}

export function standing(
  name: string,
  over: Partial<Bid> = {},
  outer: Partial<StandingBid> = {}
): StandingBid {
  const bid: Bid = {
    job: JOB,
    account: accountOf(name),
    equivalenceClass: CLASS,
    pricePerMegaUnit: 500n,
    freePlaces: 1,
    memoryBytes: 1_000_000,
    ...over
  }
  return { bid, node: name, scoreBps: 1_000, places: bid.freePlaces, ...outer }
}

export function openReplica(subtask: number, replica: number, over: Partial<OpenReplica> = {}): OpenReplica {
  return {
    replica: { job: JOB, subtask, replica, generation: 0 },
    workUnits: 1_000_000,
    holders: [],
    accounts: [],
    priority: subtask,
    ...over
  }
}
