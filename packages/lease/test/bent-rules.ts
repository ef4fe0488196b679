import type { Claim, Commit, CommitCert, LeaseCert, PeerId, Renew } from '@rayswarm/interface'
import type { Step, WitnessRules, WitnessState } from '../src/index.ts'
import { RULES, type RuleSet } from './events.ts'

/** Rules that answer claims under other circumstances than those that are. */
export function claimingUnder(bend: (rules: WitnessRules, nowMs: number) => WitnessRules): Partial<RuleSet> {
  return {
    onClaim: (state, claim, from, nowMs, rules) =>
      RULES.onClaim(state, claim, from, nowMs, bend(rules, nowMs))
  }
}

/** Rules that take a commit under a lease certificate that does not hold, if it passes another test. */
export function leasingBy(
  passes: (lease: LeaseCert, commit: Commit, rules: WitnessRules) => boolean
): Partial<RuleSet> {
  return {
    onCommit: (state, commit, from, nowMs, rules) => {
      const step = RULES.onCommit(state, commit, from, nowMs, rules)
      if (step.reply.granted || step.reply.refusal.reason !== 'bad-certificate') return step
      if (!passes(commit.body.lease, commit.body, rules)) return step
      const { replica, holder, seal, lease } = commit.body
      const value = { replica, holder, seal, price: lease.price }
      return { state: { ...state, register: commit }, changed: true, reply: { granted: true, value } }
    }
  }
}

/** Rules that close a replica for a certificate that does not hold, if it passes another test. */
export function closingBy(passes: (cert: CommitCert, rules: WitnessRules) => boolean): Partial<RuleSet> {
  return {
    onCert: (state, cert, rules) => {
      const step = RULES.onCert(state, cert, rules)
      if (step.reply.granted || step.reply.refusal.reason !== 'bad-certificate' || !passes(cert, rules))
        return step
      return { state: { ...state, cert }, changed: true, reply: { granted: true, value: {} } }
    }
  }
}

/** Rules that take over a lease whose certificate does not hold, if it passes another test. */
export function takingOverBy(
  passes: (lease: LeaseCert, renew: Renew, rules: WitnessRules) => boolean
): Partial<RuleSet> {
  return {
    onRenew: (state, renew, from, nowMs, rules) => {
      const step = RULES.onRenew(state, renew, from, nowMs, rules)
      if (step.reply.granted || step.reply.refusal.reason !== 'not-holder') return step
      if (renew.lease === undefined || !passes(renew.lease.cert, renew, rules)) return step
      const taken = { ...state, holder: renew.holder, fence: renew.fence }
      return { ...RULES.onRenew(taken, renew, from, nowMs, rules), changed: true }
    }
  }
}

type Signatures = readonly { readonly signer: PeerId }[]
export const distinct = (signatures: Signatures): boolean =>
  new Set(signatures.map(({ signer }) => signer)).size === signatures.length
export const members = (signatures: Signatures, { witnesses }: WitnessRules): boolean =>
  signatures.every(({ signer }) => witnesses.members.includes(signer))
export const enough = (signatures: Signatures, { witnesses }: WitnessRules): boolean =>
  signatures.length >= witnesses.quorum
export const shows = ({ promises }: LeaseCert): boolean =>
  promises.some(({ body }) => body.register !== undefined)

export function afresh({ etaMs }: Claim, nowMs: number) {
  return { claimedAtMs: nowMs, progressedAtMs: nowMs, etaMs }
}

/** Rules that bend what a claim leaves behind. */
export function onClaimed(bend: (state: WitnessState) => WitnessState): Partial<RuleSet> {
  return {
    onClaim: (...args) => {
      const step = RULES.onClaim(...args)
      return step.changed ? { ...step, state: bend(step.state) } : step
    }
  }
}

/** Rules that bend what a release leaves behind. */
export function onReleased(bend: (state: WitnessState) => WitnessState): Partial<RuleSet> {
  return {
    onRelease: (...args): Step<Record<string, never>> => {
      const step = RULES.onRelease(...args)
      return step.changed ? { ...step, state: bend(step.state) } : step
    }
  }
}

export function without(state: WitnessState, field: 'register' | 'cert'): WitnessState {
  const { [field]: _, ...rest } = state
  return rest
}
