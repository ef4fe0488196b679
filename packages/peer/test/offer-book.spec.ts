import assert from 'node:assert/strict'
import { OFFER_COUNT_MAX, params } from '@rayswarm/params'
import { jobIdOf } from '@rayswarm/wire'
import { OfferBook } from '../src/offer-book.ts'
import { appointedFor, componentsOf, contextOf, creator, drawnOffer, EPOCH, QUORUM } from './drawn-jobs.ts'
import { offerOf } from './sync-hosts.ts'

/** The book of a peer that is drawn for every job; `world.isUp`: whether the chain answers. */
function openBook() {
  const world = { isUp: true }
  const { clock, components } = componentsOf('witness', async () => {
    if (!world.isUp) throw new Error('chain unreachable')
    return { state: 'locked', final: true, appointed: appointedFor(drawnOffer(1)) }
  })
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
