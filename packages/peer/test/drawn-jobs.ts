import type { Escrow, Offer, Registration, RegistrySnapshot, Signed } from '@rayswarm/interface'
import { drawWitnesses } from '@rayswarm/lease'
import { params } from '@rayswarm/params'
import { appointmentHash } from '@rayswarm/settlement'
import { SeededChance, VirtualClock } from '@rayswarm/simulation'
import { jobIdOf, nodeIdentity, sha256, toAccount, toHex, type WireContext } from '@rayswarm/wire'
import type { RoleComponents } from '../src/components.ts'
import { Emitter } from '../src/emitter.ts'
import { EPOCH_MS, offerOf } from './sync-hosts.ts'

const text = new TextEncoder()

export const EPOCH = 5
/** Of three witnesses. */
export const QUORUM = 2
export const BEACON = { round: 1, epoch: EPOCH, randomness: sha256(text.encode('beacon')), insecure: true }

export function contextOf(name: string): WireContext {
  return { identity: nodeIdentity(sha256(text.encode(name))), chainId: 31_337, netId: 'drawn-test' }
}

export const creator = contextOf('creator')
const peers = ['w0', 'w1', 'w2'].map(contextOf)
export const entries: Registration[] = peers
  .map(({ identity: { peerId } }) => ({
    ...{ peer: peerId, account: toAccount(toHex(sha256(text.encode(peerId)).slice(0, 20)))! },
    ...{ stake: 1n, classes: [], operatorTag: '', sinceEpoch: 0 }
  }))
  .sort((a, b) => (a.peer < b.peer ? -1 : 1))
export const snapshot: RegistrySnapshot = { epoch: EPOCH, entries }

/** An offer whose witnesses are all three registered peers. */
export function drawnOffer(nonce: number, over: Partial<Offer> = {}): Signed<Offer> {
  return offerOf(creator, nonce, {
    ...{ witness: { witnessCount: 3, quorum: QUORUM }, drawEpoch: EPOCH },
    ...over
  })
}

/** What an escrow names once these witnesses are appointed. */
export function appointedFor({ body, signer }: Signed<Offer>): string {
  const init = { job: jobIdOf(body.spec), creator: signer, witnessCount: 3 }
  const drawn = drawWitnesses(snapshot, BEACON, init)!
  return appointmentHash({ views: [drawn.map(w => w.account)], quorum: QUORUM })
}

/** A world in which the beacon has spoken; `escrow` is what the chain says, of every escrow. */
export function componentsOf(
  self: WireContext | 'witness',
  escrow: () => Promise<Partial<Escrow>>
): { clock: VirtualClock; components: RoleComponents } {
  const context = self === 'witness' ? peers[0]! : self
  const clock = new VirtualClock(EPOCH_MS)
  const components = {
    ...{ clock, chance: new SeededChance(1), context, params: params.minimal },
    ...{ events: new Emitter(), log: { debug: () => {}, warn: () => {} }, chain: { escrow } },
    ...{ registry: { epoch: async () => EPOCH, snapshot: async () => snapshot } },
    ...{ beacon: { after: async () => BEACON } },
    ...{ network: { peerId: context.identity.peerId, subscribe: () => {} } }
  }
  return { clock, components: components as unknown as RoleComponents }
}
