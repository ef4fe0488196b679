import assert from 'node:assert/strict'
import type { Escrow, Offer, Registration, RegistrySnapshot, Signed } from '@rayswarm/interface'
import { drawWitnesses } from '@rayswarm/lease'
import { OFFER_COUNT_MAX, params } from '@rayswarm/params'
import { appointmentHash } from '@rayswarm/settlement'
import { SeededChance, VirtualClock } from '@rayswarm/simulation'
import { jobIdOf, nodeIdentity, sha256, toAccount, toHex, type WireContext } from '@rayswarm/wire'
import type { RoleComponents } from '../src/components.ts'
import { Emitter } from '../src/emitter.ts'
import { OfferBook } from '../src/offer-book.ts'
import { EPOCH_MS, offerOf } from './sync-hosts.ts'

const EPOCH = 5
const QUORUM = 2
const text = new TextEncoder()
const BEACON = { round: 1, epoch: EPOCH, randomness: sha256(text.encode('beacon')), insecure: true }

function contextOf(name: string): WireContext {
  return { identity: nodeIdentity(sha256(text.encode(name))), chainId: 31_337, netId: 'offer-test' }
}

const creator = contextOf('creator')
const peers = ['w0', 'w1', 'w2'].map(contextOf)
const entries: Registration[] = peers
  .map(({ identity: { peerId } }) => ({
    ...{ peer: peerId, account: toAccount(toHex(sha256(text.encode(peerId)).slice(0, 20)))! },
    ...{ stake: 1n, classes: [], operatorTag: '', sinceEpoch: 0 }
  }))
  .sort((a, b) => (a.peer < b.peer ? -1 : 1))
const snapshot: RegistrySnapshot = { epoch: EPOCH, entries }
const terms = { witness: { witnessCount: 3, quorum: QUORUM }, drawEpoch: EPOCH }

function drawnOffer(nonce: number, over: Partial<Offer> = {}): Signed<Offer> {
  return offerOf(creator, nonce, { ...terms, ...over })
}

/** The book of one of three registered peers, which are all drawn for every job; `isUp`: whether the chain answers. */
function openBook() {
  const clock = new VirtualClock(EPOCH_MS)
  const world = { isUp: true }
  const escrow = async (): Promise<Partial<Escrow>> => {
    if (!world.isUp) throw new Error('chain unreachable')
    const signed = drawnOffer(1)
    const init = { job: jobIdOf(signed.body.spec), creator: signed.signer, witnessCount: 3 }
    const drawn = drawWitnesses(snapshot, BEACON, init)!
    const appointed = appointmentHash({ witnesses: drawn.map(w => w.account), quorum: QUORUM })
    return { state: 'locked', final: true, appointed }
  }
  const components = {
    ...{ clock, chance: new SeededChance(1), context: peers[0], params: params.minimal },
    ...{ events: new Emitter(), log: { debug: () => {}, warn: () => {} }, chain: { escrow } },
    ...{ registry: { epoch: async () => EPOCH, snapshot: async () => snapshot } },
    ...{ beacon: { after: async () => BEACON } },
    ...{ network: { peerId: peers[0]!.identity.peerId, subscribe: () => {} } }
  } as unknown as RoleComponents
  const book = new OfferBook(components)
  book.start()
  return { book, clock, world }
}

const JOB = jobIdOf(drawnOffer(1).body.spec)

describe('OfferBook', () => {
  it('knows an offer once its witnesses are drawn', async () => {
    const { book, clock } = openBook()
    assert.equal(book.add(drawnOffer(1)).action, 'accept')
    await clock.advance(1)
    assert.equal(book.get(JOB)?.witnesses.members.length, 3)
    await book.stop()
  })

  it('takes no other witnesses for a job it knows, and other addresses', async () => {
    const { book, clock } = openBook()
    book.add(drawnOffer(1))
    await clock.advance(1)
    for (const over of [
      { witness: { witnessCount: 3, quorum: 3 } },
      { witness: { witnessCount: 2, quorum: 2 } },
      { drawEpoch: EPOCH - 1 }
    ])
      assert.deepEqual(book.add(drawnOffer(1, over)), { action: 'ignore', fault: 'other-terms' })
    // The creator alone, instead of those who were drawn.
    assert.deepEqual(book.add(offerOf(creator, 1)), { action: 'ignore', fault: 'other-terms' })
    assert.equal(book.get(JOB)?.witnesses.quorum, QUORUM)

    const moved = drawnOffer(1, { addresses: ['/ip4/127.0.0.1/tcp/9'] })
    assert.equal(book.add(moved).action, 'accept')
    assert.equal(book.get(JOB)?.signed, moved)
    await book.stop()
  })

  it('draws for each copy of an offer that comes while the chain is asked', async () => {
    const { book, clock } = openBook()
    book.add(drawnOffer(1))
    book.add(drawnOffer(1, { witness: { witnessCount: 3, quorum: 3 } }))
    await clock.advance(params.minimal.leaseRetryMs * 2)
    // The escrow names the quorum of the first copy.
    assert.equal(book.get(JOB), undefined)
    await book.stop()
  })

  it('keeps what it witnesses, however many offers come', async () => {
    const { book, clock } = openBook()
    book.add(drawnOffer(1))
    await clock.advance(1)
    const flooder = contextOf('flooder')
    for (let nonce = 0; nonce <= OFFER_COUNT_MAX; nonce++) book.add(offerOf(flooder, nonce))
    assert.ok(book.get(JOB))
    assert.equal(book.open().length, OFFER_COUNT_MAX)
    await book.stop()
  })

  it('takes an offer again that it could not draw for as long as the chain was away', async () => {
    const { book, clock, world } = openBook()
    world.isUp = false
    book.add(drawnOffer(1))
    await clock.advance(params.minimal.leaseRetryMs * 250)
    world.isUp = true
    assert.equal(book.add(drawnOffer(1)).action, 'accept')
    await clock.advance(1)
    assert.ok(book.get(JOB))
    await book.stop()
  })
})
