import type {
  BeaconValue,
  Claim,
  Commit,
  CommitCert,
  Grant,
  Identity,
  LeaseCert,
  LeasePromise,
  PeerId,
  Registration,
  RegistrySnapshot,
  Renew,
  ReplicaKey,
  Signed,
  WitnessSet
} from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import { cidOf, nodeIdentity, sha256, signed, type WireContext } from '@rayswarm/wire'
import type { WitnessRules } from '../src/index.ts'

const text = new TextEncoder()
const CHAIN_ID = 31_337
const NET_ID = 'lease-test'

export const JOB = cidOf('lease test job')

/** The same name is the same peer in every test. */
export function identityOf(name: string): Identity {
  return nodeIdentity(sha256(text.encode(`rayswarm lease test ${name}`)))
}

export function contextOf(name: string): WireContext {
  return { identity: identityOf(name), chainId: CHAIN_ID, netId: NET_ID }
}

export function peerOf(name: string): PeerId {
  return identityOf(name).peerId
}

export const creator = contextOf('creator')
export const alice = contextOf('alice')
export const bob = contextOf('bob')
export const witnessContexts = ['w0', 'w1', 'w2', 'w3', 'w4', 'w5', 'w6'].map(contextOf)

/** Of every grant and cap. */
export const PRICE = 5n

export function replica(over: Partial<ReplicaKey> = {}): ReplicaKey {
  return { job: JOB, subtask: 3, replica: 0, generation: 0, ...over }
}

export const ownerSet: WitnessSet = {
  job: JOB,
  members: [creator.identity.peerId],
  witnessCount: 1,
  quorum: 1
}

export function quorumSet(m: number, q: number): WitnessSet {
  const members = witnessContexts.slice(0, m).map(w => w.identity.peerId)
  return { job: JOB, members, witnessCount: m, quorum: q }
}

export function rules(over: Partial<WitnessRules> = {}): WitnessRules {
  return {
    params: params.minimal,
    witnesses: ownerSet,
    self: creator.identity.peerId,
    creator: creator.identity.peerId,
    context: creator,
    priceCap: () => PRICE,
    subtaskCount: 10,
    replicaCountMax: 3,
    ...over
  }
}

/** Rules of the first of `m` witnesses. */
export function quorumRules(m = 3, q = 2): WitnessRules {
  const first = witnessContexts[0]!
  return rules({ witnesses: quorumSet(m, q), self: first.identity.peerId, context: first })
}

export function grant(holder: WireContext, over: Partial<Grant> = {}, by = creator): Signed<Grant> {
  const account = '0x0000000000000000000000000000000000000001'
  return signed(
    'grant',
    { replica: replica(), holder: holder.identity.peerId, account, price: PRICE, ...over },
    by
  )
}

export function claim(holder: WireContext, over: Partial<Claim> = {}): Claim {
  return {
    replica: replica(),
    holder: holder.identity.peerId,
    fence: 1,
    etaMs: 8_000,
    grant: grant(holder),
    ...over
  }
}

/** A claim without the creator's word, for quorum mode. */
export function freeClaim(holder: WireContext, fence: number, over: Partial<Claim> = {}): Claim {
  return { replica: replica(), holder: holder.identity.peerId, fence, etaMs: 8_000, ...over }
}

export function renew(holder: WireContext, over: Partial<Renew> = {}): Renew {
  return { replica: replica(), holder: holder.identity.peerId, fence: 1, progressBps: 0, ...over }
}

export function promise(
  by: WireContext,
  holder: WireContext,
  over: Partial<LeasePromise> = {}
): Signed<LeasePromise> {
  return signed(
    'promise',
    { replica: replica(), holder: holder.identity.peerId, fence: 1, price: PRICE, termMs: 1_000, ...over },
    by
  )
}

export function leaseCert(
  holder: WireContext,
  by: readonly WireContext[] = [creator],
  over: Partial<LeaseCert> = {}
): LeaseCert {
  const fence = over.fence ?? 1
  return {
    replica: replica(),
    holder: holder.identity.peerId,
    fence,
    price: PRICE,
    promises: by.map(w => promise(w, holder, { fence })),
    ...over
  }
}

export function seal(name = 'result'): Uint8Array {
  return sha256(text.encode(name))
}

export function commit(
  holder: WireContext,
  over: Partial<Commit> = {},
  by: readonly WireContext[] = [creator]
): Signed<Commit> {
  const fence = over.fence ?? 1
  return signed(
    'commit',
    {
      replica: replica(),
      holder: holder.identity.peerId,
      fence,
      seal: seal(),
      lease: leaseCert(holder, by, { fence }),
      ...over
    },
    holder
  )
}

export function commitCert(
  holder: WireContext,
  by: readonly WireContext[] = [creator],
  over: Partial<CommitCert> = {}
): CommitCert {
  const body = { replica: replica(), holder: holder.identity.peerId, seal: over.seal ?? seal(), price: PRICE }
  return { ...body, votes: by.map(w => signed('commit-vote', body, w)), ...over }
}

export const beacon: BeaconValue = {
  round: 7,
  randomness: sha256(text.encode('rayswarm lease test beacon')),
  insecure: true
}

export function beaconOf(round: number): BeaconValue {
  return { round, randomness: sha256(text.encode(`beacon ${round}`)), insecure: true }
}

export function registration(peer: PeerId, over: Partial<Registration> = {}): Registration {
  return {
    peer,
    account: '0x0000000000000000000000000000000000000001',
    stake: 1_000_000n,
    classes: ['test'],
    operatorTag: '',
    sinceEpoch: 0,
    ...over
  }
}

export function snapshotOf(...entries: Registration[]): RegistrySnapshot {
  return { epoch: 9, entries: entries.sort((a, b) => (a.peer < b.peer ? -1 : 1)) }
}
