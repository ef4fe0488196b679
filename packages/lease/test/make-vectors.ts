// Writes spec/vectors/lease.json. Run it by hand after a deliberate change of the rules, and read the difference:
// node packages/lease/dist/test/make-vectors.js
import { writeFileSync } from 'node:fs'
import type { Claim, Commit, CommitCert, Release, Renew, Signed } from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import {
  certKey,
  onCert,
  onClaim,
  onCommit,
  onRelease,
  onRenew,
  VACANT,
  type WitnessState
} from '../src/index.ts'
import { leaseTermMs } from '../src/timing.ts'
import {
  chance,
  DRAWN,
  draw,
  equivocation,
  progress,
  REGISTERED,
  race,
  sortition,
  takeover,
  tier,
  turn
} from './drawn-vectors.ts'
import {
  alice,
  beacon,
  bob,
  claim,
  commit,
  commitCert,
  creator,
  grant,
  leaseCert,
  PRICE,
  peerOf,
  renew,
  replica,
  rules,
  seal
} from './fixtures.ts'
import { printVectors, VECTORS_FILE } from './vectors.ts'

const known = rules()
const ALICE = peerOf('alice')
const BOB = peerOf('bob')
const TERM_MS = params.minimal.leaseTermMsMin

const claimed = onClaim(VACANT, claim(alice), ALICE, 0, known).state
const held = onRenew(claimed, renew(alice, { progressBps: 5_000 }), ALICE, 0, known).state
const registered = onCommit(held, commit(alice), ALICE, 1, known).state
const done = onCert(registered, commitCert(alice), known).state
const released = onRelease(held, { replica: replica(), holder: ALICE, fence: 1 }, ALICE, 1, known).state
const exhausted = onRenew(held, renew(alice, { progressBps: 9_000 }), ALICE, 31_000, known).state
const taken = onClaim(held, claim(bob, { fence: 2 }), BOB, TERM_MS, known).state

const onClaimCase = (name: string, state: WitnessState, request: Claim, from: string, nowMs: number) => ({
  ...{ name, state, request, from, nowMs },
  step: onClaim(state, request, from, nowMs, known)
})
const onRenewCase = (name: string, state: WitnessState, request: Renew, from: string, nowMs: number) => ({
  ...{ name, state, request, from, nowMs },
  step: onRenew(state, request, from, nowMs, known)
})
const onReleaseCase = (name: string, state: WitnessState, request: Release, from: string, nowMs: number) => ({
  ...{ name, state, request, from, nowMs },
  step: onRelease(state, request, from, nowMs, known)
})
const onCommitCase = (
  name: string,
  state: WitnessState,
  request: Signed<Commit>,
  from: string,
  nowMs: number
) => ({
  ...{ name, state, request, from, nowMs },
  step: onCommit(state, request, from, nowMs, known)
})
const onCertCase = (name: string, state: WitnessState, request: CommitCert) => ({
  ...{ name, state, request },
  step: onCert(state, request, known)
})

const { grant: _, ...bare } = claim(alice)
const release: Release = { replica: replica(), holder: ALICE, fence: 1 }

writeFileSync(
  VECTORS_FILE,
  printVectors({
    setting: {
      chainId: creator.chainId,
      netId: creator.netId,
      params: 'minimal',
      creator: known.creator,
      subtaskCount: known.subtaskCount,
      replicaCountMax: known.replicaCountMax,
      witnesses: known.witnesses,
      drawn: DRAWN,
      priceCap: PRICE,
      randomness: beacon.randomness,
      registered: REGISTERED
    },
    claim: [
      onClaimCase('the first claimant gets a free replica', VACANT, claim(alice), ALICE, 0),
      onClaimCase('a repeated claim gets the same promise', held, claim(alice), ALICE, 1),
      onClaimCase(
        'nobody else gets it while the lease runs',
        held,
        claim(bob, { fence: 2 }),
        BOB,
        TERM_MS - 1
      ),
      onClaimCase(
        'the next fence gets it once the lease lapsed',
        held,
        claim(bob, { fence: 2 }),
        BOB,
        TERM_MS
      ),
      onClaimCase('the same fence does not', held, claim(bob), BOB, TERM_MS),
      onClaimCase('a late copy does not revive a released lease', released, claim(alice), ALICE, 2),
      onClaimCase('an invented fence is refused', VACANT, claim(alice, { fence: 65 }), ALICE, 0),
      onClaimCase('without a grant there is no lease', VACANT, bare, ALICE, 0),
      onClaimCase('nor with the grant of another', VACANT, { ...bare, grant: grant(bob) }, ALICE, 0),
      onClaimCase('a claimant is shown the register', registered, claim(bob, { fence: 2 }), BOB, TERM_MS),
      onClaimCase('a closed replica is not leased', done, claim(bob, { fence: 2 }), BOB, TERM_MS),
      onClaimCase('nobody claims for another', VACANT, claim(alice), BOB, 0),
      onClaimCase(
        'an exhausted lease goes to others first',
        exhausted,
        claim(alice, { fence: 2 }),
        ALICE,
        32_000
      )
    ],
    renew: [
      onRenewCase('the first renewal turns the promise into a lease', claimed, renew(alice), ALICE, 10),
      onRenewCase(
        'a lapsed lease revives if nobody claimed',
        held,
        renew(alice, { progressBps: 5_000 }),
        ALICE,
        9_000
      ),
      onRenewCase('progress never goes backwards', held, renew(alice, { progressBps: 4_999 }), ALICE, 10),
      onRenewCase('a higher fence ends it', taken, renew(alice), ALICE, TERM_MS),
      onRenewCase('only the holder renews', held, renew(bob), BOB, 10),
      onRenewCase(
        'a lease ends after four times its declared time',
        held,
        renew(alice, { progressBps: 9_999 }),
        ALICE,
        32_000
      )
    ],
    release: [
      onReleaseCase('a release opens the replica', held, release, ALICE, 1),
      onReleaseCase('a repeated one changes nothing', released, release, ALICE, 2),
      onReleaseCase('nor does one of an older lease', taken, release, ALICE, TERM_MS),
      onReleaseCase('the register stays', registered, release, ALICE, 2)
    ],
    commit: [
      onCommitCase('the holder closes its replica', held, commit(alice), ALICE, 1),
      onCommitCase('a repeated commit gets the same vote', registered, commit(alice, { fence: 3 }), BOB, 1e6),
      onCommitCase('a second value gets none', registered, commit(alice, { seal: seal('other') }), ALICE, 1),
      onCommitCase('a late commit is welcome if nobody holds a lease', held, commit(alice), ALICE, 9_000),
      onCommitCase('it waits while another holds one', taken, commit(alice), ALICE, TERM_MS),
      onCommitCase('the present holder may finish it', taken, commit(alice), BOB, TERM_MS),
      onCommitCase(
        'no commit without a lease',
        held,
        commit(alice, { lease: leaseCert(alice, []) }),
        ALICE,
        1
      ),
      onCommitCase(
        'no commit under the lease of another',
        held,
        commit(alice, { lease: leaseCert(bob) }),
        ALICE,
        1
      )
    ],
    cert: [
      onCertCase('a certificate closes the replica', held, commitCert(alice)),
      onCertCase('the first one stays', done, commitCert(bob)),
      onCertCase('one of strangers closes nothing', held, commitCert(alice, [bob]))
    ],
    ...{ turn, progress, takeover, chance, draw, tier, race, sortition, equivocation },
    term: [0, 16_000, 100_000].map(etaMs => ({
      name: `an execution of ${etaMs} ms on a testnet`,
      etaMs,
      termMs: leaseTermMs(etaMs, params.testnet)
    })),
    key: (['lease', 'commit'] as const).map(kind => ({
      name: `key of a ${kind} certificate`,
      kind,
      replica: replica({ replica: 1, generation: 2 }),
      key: certKey(kind, replica({ replica: 1, generation: 2 }))
    }))
  })
)
