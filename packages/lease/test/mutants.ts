import { params } from '@rayswarm/params'
import { VACANT } from '../src/index.ts'
import {
  afresh,
  claimingUnder,
  closingBy,
  distinct,
  enough,
  leasingBy,
  members,
  onClaimed,
  onReleased,
  shows,
  takingOverBy,
  without
} from './bent-rules.ts'
import { explore, type Finding } from './checker.ts'
import { RULES, type RuleSet, type World } from './events.ts'
import { playTurns } from './turns.ts'

export const OWNER: World = { m: 1, q: 1, b: 0, holderCount: 3, fenceCount: 2, sealCount: 2 }
export const MAJORITY: World = { m: 3, q: 2, b: 0, holderCount: 2, fenceCount: 2, sealCount: 1 }
const TURNS_RUNS = 600
const FAR_MS = 1e6

/** The checks that must pass with the rules as they are, and fail with a mutant. */
export const CHECKS = {
  'every state of m/q/b 1/1/0': (rules: RuleSet): Finding | undefined => explore(rules, OWNER).broken,
  'every state of m/q/b 3/2/0': (rules: RuleSet): Finding | undefined => explore(rules, MAJORITY).broken,
  'turns and totals along random traces': (rules: RuleSet): Finding | undefined =>
    playTurns(rules, TURNS_RUNS)
}

/** A mistake somebody could make, and the check that must find it by the invariant it breaks. */
export interface Mutant {
  readonly rules: Partial<RuleSet>
  readonly caughtBy: keyof typeof CHECKS
  readonly invariant: string
}

const ONE = 'every state of m/q/b 1/1/0'
const THREE = 'every state of m/q/b 3/2/0'
export const TURNS = 'turns and totals along random traces'

const mutant = (rules: Partial<RuleSet>, caughtBy: keyof typeof CHECKS, invariant: string): Mutant => ({
  rules,
  caughtBy,
  invariant
})

/** By what the mutated witness does. Together: promises, registers, certificates, persistence, turns. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  // Promises
  'promises one fence twice': mutant(
    {
      onClaim: (state, ...rest) => RULES.onClaim({ ...state, fence: Math.max(0, state.fence - 1) }, ...rest)
    },
    THREE,
    'fence went backwards'
  ),
  'ignores that somebody holds the lease': mutant(
    { onClaim: (state, claim, from, _, rules) => RULES.onClaim(state, claim, from, FAR_MS, rules) },
    ONE,
    'a running lease changed hands'
  ),
  'leases a closed replica': mutant(
    {
      onClaim: (state, ...rest) => {
        const step = RULES.onClaim(without(state, 'cert'), ...rest)
        return { ...step, state: { ...step.state, ...(state.cert && { cert: state.cert }) } }
      }
    },
    ONE,
    'a closed replica was leased'
  ),
  'hides the register from claimants': mutant(
    {
      onClaim: (...args) => {
        const step = RULES.onClaim(...args)
        if (!step.reply.granted) return step
        const { register: _, ...value } = step.reply.value
        return { ...step, reply: { granted: true, value } }
      }
    },
    ONE,
    'the register was hidden'
  ),
  'lowers the fence on release': mutant(
    onReleased(state => ({ ...state, fence: state.fence - 1 })),
    ONE,
    'fence went backwards'
  ),
  'releases for anybody': mutant(
    {
      onRelease: (state, release, ...rest) =>
        RULES.onRelease({ ...state, holder: release.holder, fence: release.fence }, release, ...rest)
    },
    ONE,
    'a running lease changed hands'
  ),
  'renews for anybody': mutant(
    {
      onRenew: (state, renew, ...rest) =>
        RULES.onRenew({ ...state, holder: renew.holder, fence: renew.fence }, renew, ...rest)
    },
    ONE,
    'a running lease changed hands'
  ),

  'takes over a lease that one promise less than the quorum proves': mutant(
    takingOverBy((lease, _, rules) => lease.promises.length === rules.witnesses.quorum - 1),
    THREE,
    'a lease taken over for one promise short'
  ),
  'takes over a lease that a stranger proves': mutant(
    takingOverBy(({ promises }, _, rules) => enough(promises, rules) && !members(promises, rules)),
    THREE,
    'a lease taken over for a promise of a stranger'
  ),
  'takes over the lease of another generation': mutant(
    takingOverBy((lease, renew) => lease.replica.generation !== renew.replica.generation),
    THREE,
    'a lease taken over for a lease of another generation'
  ),
  'takes over the lease of another holder': mutant(
    takingOverBy((lease, renew) => lease.holder !== renew.holder),
    THREE,
    'a lease taken over for a lease of another holder'
  ),
  'takes over a lease that others followed': mutant(
    {
      onRenew: (state, renew, ...rest) =>
        RULES.onRenew(renew.lease === undefined ? state : { ...state, fence: 0 }, renew, ...rest)
    },
    THREE,
    'fence went backwards'
  ),
  'drops the register when it takes over a lease': mutant(
    {
      onRenew: (state, renew, ...rest) => {
        const step = RULES.onRenew(state, renew, ...rest)
        return step.state.fence > state.fence ? { ...step, state: without(step.state, 'register') } : step
      }
    },
    THREE,
    'register written twice'
  ),

  // Registers
  'forgets the register when the lease changes hands': mutant(
    {
      onClaim: (state, claim, ...rest) => {
        const step = RULES.onClaim(state, claim, ...rest)
        const passedOn = step.reply.granted && state.holder !== claim.holder
        return passedOn ? { ...step, state: without(step.state, 'register') } : step
      }
    },
    ONE,
    'register written twice'
  ),
  'writes over the register': mutant(
    { onCommit: (state, ...rest) => RULES.onCommit(without(state, 'register'), ...rest) },
    ONE,
    'register written twice'
  ),
  'votes beside the register': mutant(
    {
      onCommit: (state, commit, ...rest) => {
        const step = RULES.onCommit(without(state, 'register'), commit, ...rest)
        return state.register === undefined ? step : { ...step, state }
      }
    },
    ONE,
    'a vote beside the register'
  ),
  'takes the commit of a stranger while a lease runs': mutant(
    { onCommit: (state, commit, from, _, rules) => RULES.onCommit(state, commit, from, FAR_MS, rules) },
    THREE,
    'a stranger committed while a lease ran'
  ),
  'lets a holder commit its own beside a register it was shown': mutant(
    leasingBy(shows),
    ONE,
    'a commit under a lease that showed a register'
  ),
  'drops the register on release': mutant(
    onReleased(state => without(state, 'register')),
    ONE,
    'register written twice'
  ),

  // Certificates
  'checks no lease certificate at all': mutant(
    leasingBy(() => true),
    ONE,
    'a commit under one promise short'
  ),
  'takes one promise less than the quorum': mutant(
    leasingBy((lease, _, rules) => lease.promises.length === rules.witnesses.quorum - 1),
    THREE,
    'a commit under one promise short'
  ),
  'counts a promise twice': mutant(
    leasingBy(({ promises }, _, rules) => enough(promises, rules) && !distinct(promises)),
    THREE,
    'a commit under a promise counted twice'
  ),
  'counts the promise of a stranger': mutant(
    leasingBy(({ promises }, _, rules) => enough(promises, rules) && !members(promises, rules)),
    THREE,
    'a commit under a promise of a stranger'
  ),
  'takes the lease of another generation': mutant(
    leasingBy((lease, commit) => lease.replica.generation !== commit.replica.generation),
    THREE,
    'a commit under a lease of another generation'
  ),
  'takes the lease of another holder': mutant(
    leasingBy((lease, commit) => lease.holder !== commit.holder),
    THREE,
    'a commit under a lease of another holder'
  ),
  'closes for one vote less than the quorum': mutant(
    closingBy(({ votes }, rules) => votes.length === rules.witnesses.quorum - 1),
    THREE,
    'closed for one vote short'
  ),
  'counts a vote twice': mutant(
    closingBy(({ votes }, rules) => enough(votes, rules) && !distinct(votes)),
    THREE,
    'closed for a vote counted twice'
  ),
  'counts the vote of a stranger': mutant(
    closingBy(({ votes }, rules) => enough(votes, rules) && !members(votes, rules)),
    THREE,
    'closed for a vote of a stranger'
  ),
  'closes for votes of another generation': mutant(
    closingBy(({ votes, replica }) =>
      votes.some(({ body }) => body.replica.generation !== replica.generation)
    ),
    THREE,
    'closed for votes of another generation'
  ),
  'drops the certificate on release': mutant(
    onReleased(state => without(state, 'cert')),
    ONE,
    'certificate replaced'
  ),

  // Persistence
  'forgets everything in a restart': mutant({ onRestart: () => VACANT }, ONE, 'fence went backwards'),
  'forgets the register in a restart': mutant(
    { onRestart: state => without(state, 'register') },
    ONE,
    'register written twice'
  ),
  'forgets in a restart who holds the lease': mutant(
    { onRestart: ({ holder: _, ...state }) => state },
    ONE,
    'a restart ended a lease'
  ),

  // Turns
  'ignores the race': mutant(
    claimingUnder(rules => ({
      ...rules,
      race: (...asked) => (rules.race?.(...asked) === undefined ? undefined : 0)
    })),
    TURNS,
    'claimed before its turn'
  ),
  'lets strangers race': mutant(
    claimingUnder(rules => ({ ...rules, race: (...asked) => rules.race?.(...asked) ?? 0 })),
    TURNS,
    'leased to who is not registered'
  ),
  'lets claimants look for a fence with an early turn': mutant(
    claimingUnder(rules => ({ ...rules, params: { ...rules.params, raceGapMs: 0 } })),
    TURNS,
    'skipped fences for nothing'
  ),
  'counts the race from the beginning of the job': mutant(
    {
      onClaim: (state, claim, from, nowMs, rules) =>
        RULES.onClaim({ ...state, waitedMs: nowMs }, claim, from, nowMs, rules)
    },
    TURNS,
    'claimed before its turn'
  ),
  'lets a promise that was never renewed reset the race': mutant(
    onClaimed(state => ({ ...state, waitedMs: 0 })),
    TURNS,
    'a turn that came was refused'
  ),
  'counts the time of a mere promise as waiting': mutant(
    onClaimed(state => ({ ...state, waitedMs: state.waitedMs + params.minimal.promiseTermMs })),
    TURNS,
    'claimed before its turn'
  ),
  'lets waiting go on over a renewed lease': mutant(
    {
      onRenew: (state, ...rest) => {
        const step = RULES.onRenew(state, ...rest)
        return { ...step, state: { ...step.state, waitedMs: state.waitedMs } }
      }
    },
    TURNS,
    'claimed before its turn'
  ),
  'lets the release of a lapsed lease reset the race': mutant(
    {
      onRelease: (state, release, from, nowMs, rules) => {
        const step = RULES.onRelease(state, release, from, nowMs, rules)
        return step.changed ? { ...step, state: { ...step.state, expiresAtMs: nowMs } } : step
      }
    },
    TURNS,
    'a turn that came was refused'
  ),
  'leases what is not wanted': mutant(
    claimingUnder(rules => ({ ...rules, openSinceMs: rules.openSinceMs ?? 0 })),
    TURNS,
    'leased before it was wanted'
  ),
  'leases two replicas of a subtask to one holder': mutant(
    claimingUnder(rules => ({ ...rules, conflict: undefined })),
    TURNS,
    'leased to who executes another replica'
  ),
  'believes any declared time': mutant(
    claimingUnder(rules => ({ ...rules, etaMsMax: undefined })),
    TURNS,
    'declared more than allowed'
  ),
  'promises any price': mutant(
    claimingUnder(rules => ({ ...rules, priceCap: () => 9n })),
    TURNS,
    'promised another price'
  ),
  'renews without progress': mutant(
    {
      onRenew: (state, renew, from, nowMs, rules) =>
        RULES.onRenew({ ...state, progressedAtMs: nowMs }, renew, from, nowMs, rules)
    },
    TURNS,
    'a lease went on without progress'
  ),
  'renews for ever': mutant(
    {
      onRenew: (state, renew, from, nowMs, rules) =>
        RULES.onRenew({ ...state, claimedAtMs: nowMs }, renew, from, nowMs, rules)
    },
    TURNS,
    'a lease outlived its total'
  ),
  'restarts the clock of a lease with each claim': mutant(
    {
      onClaim: (state, claim, from, nowMs, rules) => {
        const step = RULES.onClaim(state, claim, from, nowMs, rules)
        return step.changed ? { ...step, state: { ...step.state, ...afresh(claim, nowMs) } } : step
      }
    },
    TURNS,
    'a lease went on without progress'
  ),
  'restarts the clock of a lease with each proof': mutant(
    {
      onRenew: (state, renew, ...rest) => {
        const { holder: _holder, releasedBy: _releasedBy, ...forgetful } = state
        return RULES.onRenew(renew.fence > state.fence ? forgetful : state, renew, ...rest)
      }
    },
    TURNS,
    'a lease went on without progress'
  ),
  'restarts the clock of a lease with each release': mutant(
    onReleased(({ releasedBy: _, ...state }) => state),
    TURNS,
    'a lease went on without progress'
  )
}
