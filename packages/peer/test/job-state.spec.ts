import assert from 'node:assert/strict'
import type { CommitCert, Store } from '@rayswarm/interface'
import { judge } from '@rayswarm/verification'
import { jobIdOf, sha256 } from '@rayswarm/wire'
import { split } from '@rayswarm/workload'
import { JobState, type ReplicaRecord } from '../src/job-state.ts'
import type { KnownOffer } from '../src/offer-book.ts'
import { contextOf, creator, snapshot } from './drawn-jobs.ts'
import { offerOf } from './sync-hosts.ts'

/** What comes of a subtask whose two replicas these peers revealed alike. */
function judgedOf(tags: readonly string[]) {
  const signed = offerOf(creator, 1, {})
  const peers = tags.map((_, i) => contextOf(`operated ${i}`).identity.peerId)
  const racers = new Map(
    peers.map((peer, i) => [peer, { ...snapshot.entries[0]!, peer, operatorTag: tags[i]! }])
  )
  const job = jobIdOf(signed.body.spec)
  const offer = { job, signed, drawn: { race: { racers } } } as unknown as KnownOffer
  const state = new JobState(offer, split(signed.body.spec), {} as Store)
  const opening = { digest: sha256(new Uint8Array()), salt: new Uint8Array(32) }
  const records = peers.map(
    (holder, replica) =>
      ({
        ...{ replica, generation: 4 * replica, outcome: 'revealed', cert: { holder } as CommitCert },
        attestation: { body: { equivalenceClass: 'class', opening } }
      }) as ReplicaRecord
  )
  const track = state.tracks[0]!
  track.record.replicas.splice(0, Number.POSITIVE_INFINITY, ...records)
  return judge({ ...signed.body.spec.verify, quorum: 2 }, state.outcomes(track))
}

describe('job state', () => {
  it('says when it remembers what an earlier process knew', async () => {
    const signed = offerOf(creator, 1, {})
    const offer = { job: jobIdOf(signed.body.spec), signed } as KnownOffer
    const state = new JobState(offer, split(signed.body.spec), { list: async function* () {} } as never)
    assert.equal(state.isRestored, false)
    await state.restore(0)
    assert.equal(state.isRestored, true)
  })

  it('has written what was there, however much comes meanwhile', async () => {
    const signed = offerOf(creator, 1, {})
    const offer = { job: jobIdOf(signed.body.spec), signed } as KnownOffer
    const written: string[] = []
    const store = {
      put: async (key: string) => {
        written.push(key)
        // The disk is never idle: each write brings the next.
        if (written.length < 50) void state.save(state.tracks[written.length % state.tracks.length]!)
        await Promise.resolve()
      }
    } as unknown as Store
    const [subtask] = split(signed.body.spec)
    const state = new JobState(offer, [subtask!, { ...subtask!, index: 1 }, { ...subtask!, index: 2 }], store)
    await state.save(state.tracks[0]!)
    assert.ok(written.length < 50)
  })

  it('lets peers of different operators agree, or of none', () => {
    assert.equal(judgedOf(['a', 'b']).state, 'decided')
    assert.equal(judgedOf(['', '']).state, 'decided')
  })

  it('does not let two peers of one operator agree, whichever views let them in', () => {
    assert.equal(judgedOf(['a', 'a']).state, 'more')
  })
})
