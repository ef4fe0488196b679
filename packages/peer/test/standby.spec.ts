import assert from 'node:assert/strict'
import type { PeerId } from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import { SeededChance, VirtualClock } from '@rayswarm/simulation'
import { encodeMessage, jobIdOf, message } from '@rayswarm/wire'
import type { RoleComponents } from '../src/components.ts'
import type { KnownOffer } from '../src/offer-book.ts'
import { Scope } from '../src/scope.ts'
import { Standby } from '../src/standby.ts'
import { contextOf, creator } from './drawn-jobs.ts'
import { EPOCH_MS, offerOf } from './sync-hosts.ts'

const views = [0, 1, 2].map(view => [0, 1, 2].map(rank => contextOf(`standby ${view} ${rank}`)))
const members = views.flat().map(({ identity }) => identity.peerId)
const { leaseTermMsMin, refundGraceMs } = params.minimal
const JOB_MS = 10 * leaseTermMsMin

/** The first witness of view 1, or of another one; of the others those answer that are there, each that this view acts. */
function standbyAmong(there: ReadonlyMap<PeerId, number>, own = 1) {
  const clock = new VirtualClock(EPOCH_MS)
  const signed = offerOf(creator, 1, {})
  const spec = { ...signed.body.spec, deadlineAfterMs: JOB_MS }
  const job = jobIdOf(spec)
  const asked: PeerId[] = []
  const request = async (to: PeerId): Promise<Uint8Array> => {
    asked.push(to)
    const view = there.get(to)
    if (view === undefined) throw new Error('gone')
    return encodeMessage(message('openings-page', { open: [], view, closed: false }))
  }
  const self = views[own]![0]!
  const components = {
    ...{ clock, chance: new SeededChance(1), context: self, params: params.minimal },
    ...{ network: { peerId: self.identity.peerId, request }, log: { debug: () => {}, warn: () => {} } }
  } as unknown as RoleComponents
  const witnesses = { job, members, witnessCount: 3, quorum: 2 }
  const offer = { job, signed: { ...signed, body: { ...signed.body, spec } }, witnesses } as KnownOffer
  let isPrepared = false
  const prepare = (): void => {
    isPrepared = true
  }
  const standby = new Standby(components, new Scope(components), offer, own, prepare)
  standby.poke()
  const live = (forMs: number): Promise<unknown> => clock.until(() => false, forMs)
  return { standby, live, asked, isPrepared: () => isPrepared }
}

/** Who is there: the given ranks of each view. */
function those(...ranks: readonly (readonly number[])[]): Map<PeerId, number> {
  return new Map(ranks.flatMap((of, view) => of.map(rank => [members[3 * view + rank]!, view] as const)))
}

describe('standby', () => {
  it('stays idle while a quorum of an earlier view says that it acts', async () => {
    const { standby, live, isPrepared } = standbyAmong(those([0, 1], [1, 2]))
    await live(2 * leaseTermMsMin)
    assert.deepEqual([standby.actingView, isPrepared()], [0, false])
  })

  it('takes over once no earlier view had a quorum for half a lease term', async () => {
    const { standby, live, isPrepared } = standbyAmong(those([0], [1]))
    await live(leaseTermMsMin / 5)
    assert.deepEqual([standby.actingView, isPrepared()], [0, false])
    await live(leaseTermMsMin)
    assert.deepEqual([standby.actingView, standby.isActing, isPrepared()], [1, true, true])
  })

  it('says in how long it may lease, once it is in doubt, and as long as a quorum of its own view is there', async () => {
    const { standby, live } = standbyAmong(those([0], [1]))
    assert.equal(standby.actsInMs, undefined)
    await live(leaseTermMsMin / 10)
    assert.ok(standby.actsInMs! <= leaseTermMsMin / 2 && standby.actsInMs! > leaseTermMsMin / 4)
    await live(leaseTermMsMin)
    assert.deepEqual([standby.isActing, standby.actsInMs], [true, undefined])
    const alone = standbyAmong(those([0], []))
    await alone.live(leaseTermMsMin / 10)
    assert.equal(alone.standby.actsInMs, undefined)
  })

  it('learns what lapses under the view before for a term after it took over', async () => {
    const { live, asked } = standbyAmong(those([0], [1]))
    await live(leaseTermMsMin)
    asked.length = 0
    await live(leaseTermMsMin / 2)
    assert.ok(asked.includes(members[0]!))
    await live(leaseTermMsMin)
    asked.length = 0
    await live(leaseTermMsMin)
    assert.deepEqual(asked, [])
  })

  it('names the next view where its own has no quorum either', async () => {
    const { standby, live, isPrepared } = standbyAmong(those([0], [], [0, 1, 2]))
    await live(2 * leaseTermMsMin)
    assert.deepEqual([standby.actingView, isPrepared()], [2, false])
  })

  it('names the first view where that was the last', async () => {
    const { standby, live } = standbyAmong(those([0], [0], [0]), 2)
    await live(2 * leaseTermMsMin)
    assert.equal(standby.actingView, 0)
  })

  it('asks nobody any more once the job has had its time', async () => {
    const { standby, live, asked } = standbyAmong(those([], []))
    await live(JOB_MS + refundGraceMs + leaseTermMsMin)
    const { length } = asked
    standby.poke()
    await live(leaseTermMsMin)
    assert.equal(asked.length, length)
  })
})
