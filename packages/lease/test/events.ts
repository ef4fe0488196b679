import type {
  Claim,
  Commit,
  CommitCert,
  Identity,
  LeaseCert,
  LeasePromise,
  PeerId,
  Release,
  Renew,
  Signed
} from '@rayswarm/interface'
import { sha256, signed, toHex, type WireContext } from '@rayswarm/wire'
import {
  onCert,
  onClaim,
  onCommit,
  onRelease,
  onRenew,
  type Step,
  type WitnessRules,
  type WitnessState
} from '../src/index.ts'
import {
  claim,
  commit,
  commitCert,
  contextOf,
  creator,
  grant,
  leaseCert,
  promise,
  quorumSet,
  renew,
  replica,
  rules,
  seal,
  witnessContexts
} from './fixtures.ts'

const stranger = contextOf('stranger')

/** The rules under test; a mutant replaces one of them. */
export interface RuleSet {
  readonly onClaim: typeof onClaim
  readonly onRenew: typeof onRenew
  readonly onRelease: typeof onRelease
  readonly onCommit: typeof onCommit
  readonly onCert: typeof onCert
  /** What a witness knows after a restart. */
  readonly onRestart: (state: WitnessState) => WitnessState
}

export const RULES: RuleSet = { onClaim, onRenew, onRelease, onCommit, onCert, onRestart: state => state }

export interface World {
  /** Witnesses, how many of them must agree, how many of them lie. */
  readonly m: number
  readonly q: number
  readonly b: number
  readonly holderCount: number
  readonly fenceCount: number
  /** Holders lie too: each may seal this many different results. */
  readonly sealCount: number
  /** Let two leases of one fence pass, to see what follows from them. */
  readonly leasesMayClash?: boolean
  /** Let every single step pass, to see what all of them together come to. */
  readonly stepsMayBreak?: boolean
}

export type Outcome = Pick<Step<unknown>, 'state' | 'reply'>

/** Something that may reach a witness, any number of times, at any time, or never. */
export interface Event {
  readonly name: string
  /** Evaluated before the lease at the witness lapsed, or after: clocks promise nothing here. */
  readonly late: boolean
  /** Bit of the promise or vote that the answer adds, if granted. */
  readonly promiseBit?: number
  readonly voteBit?: number
  /** Lease certificate, or commit certificate, that has to exist before anybody can send it. */
  readonly needsLease?: number
  readonly needsCommit?: number
  readonly run: (state: WitnessState, nowMs: number) => Outcome
  /** The rule this one step broke, if any. */
  readonly judge: (before: WitnessState, after: Outcome) => string | undefined
}

/** Everything that may happen to a witness in a world, and how many certificates of each kind there can be. */
export function eventsOf(rules: RuleSet, world: World): { events: Event[]; leases: number; commits: number } {
  const ownerMode = world.m === 1
  const members = ownerMode ? [creator] : witnessContexts.slice(0, world.m)
  const set = { ...quorumSet(world.m, world.q), members: members.map(w => w.identity.peerId) }
  const self = members[0]!
  const known = rulesFor(self, set)
  const holders = ['alice', 'bob', 'carol'].slice(0, world.holderCount).map(contextOf)
  const quorum = members.slice(0, world.q)

  const events: Event[] = [restartEvent(rules)]
  holders.forEach((holder, h) => {
    for (let f = 0; f < world.fenceCount; f++) {
      const lease = f * world.holderCount + h
      const over = { fence: f + 1, ...(ownerMode && { grant: grant(holder) }) }
      const { grant: _, ...free } = claim(holder, over)
      events.push(...claimEvents(rules, known, ownerMode ? claim(holder, over) : free, lease))
      events.push(...holdEvents(rules, known, renew(holder, { fence: f + 1 })))
      events.push(proveEvent(rules, known, renewProving(leaseCert(holder, quorum, { fence: f + 1 })), lease))

      for (let s = 0; s < world.sealCount; s++) {
        const value = h * world.sealCount + s
        const over = { fence: f + 1, seal: seal(`seal ${s}`) }
        const good = commit(holder, over, quorum)
        events.push(...commitEvents(rules, known, good, holders, value, lease))
        if (s > 0) continue
        const other = holders[(h + 1) % holders.length]!
        const bad = badLeases(holder, f + 1, quorum, other)
        events.push(...badCommitEvents(rules, known, holder, f + 1, bad))
        events.push(...badProofEvents(rules, known, holder, f + 1, bad))
      }
    }
    for (let s = 0; s < world.sealCount; s++) {
      const cert = commitCert(holder, quorum, { seal: seal(`seal ${s}`) })
      events.push(certEvent(rules, known, cert, h * world.sealCount + s))
      if (s === 0) events.push(...badCertEvents(rules, known, cert, quorum))
    }
  })
  return {
    events,
    leases: world.fenceCount * world.holderCount,
    commits: world.holderCount * world.sealCount
  }
}

function rulesFor(self: WireContext, witnesses: WitnessRules['witnesses']): WitnessRules {
  const context = { ...self, identity: remembering(self.identity) }
  return rules({ witnesses, self: self.identity.peerId, context })
}

const verified = new Map<string, boolean>()

/** The same few signatures are checked thousands of times over. */
export function remembering(identity: Identity): Identity {
  const verify: Identity['verify'] = (signer, bytes, signature) => {
    const key = `${signer} ${toHex(sha256(bytes, signature))}`
    const known = verified.get(key) ?? identity.verify(signer, bytes, signature)
    verified.set(key, known)
    return known
  }
  return { peerId: identity.peerId, sign: bytes => identity.sign(bytes), verify }
}

const BOTH = [false, true]
const label = (holder: PeerId): string => holder.slice(-4)

function restartEvent({ onRestart }: RuleSet): Event {
  return {
    name: 'restart',
    late: false,
    run: state => ({ state: onRestart(state), reply: { granted: true, value: {} } }),
    judge: (before, { state }) => (state.holder === before.holder ? undefined : 'a restart ended a lease')
  }
}

function claimEvents({ onClaim }: RuleSet, known: WitnessRules, asked: Claim, bit: number): Event[] {
  return BOTH.map(late => ({
    name: `claim ${label(asked.holder)} fence ${asked.fence}${late ? ' after the lapse' : ''}`,
    late,
    promiseBit: bit,
    run: (state, nowMs) => onClaim(state, asked, asked.holder, nowMs, known),
    judge: (before, { state, reply }) => {
      if (!reply.granted) return undefined
      const other = before.holder !== undefined && before.holder !== state.holder
      if (!late && other) return 'a running lease changed hands'
      if (before.cert !== undefined) return 'a closed replica was leased'
      const shown = (reply.value as { register?: Signed<Commit> }).register
      return contentOf(shown?.body) === contentOf(before.register?.body)
        ? undefined
        : 'the register was hidden'
    }
  }))
}

function holdEvents({ onRenew, onRelease }: RuleSet, known: WitnessRules, asked: Renew): Event[] {
  const { replica, holder, fence } = asked
  const release: Release = { replica, holder, fence }
  const judge: Event['judge'] = (before, { state }) =>
    state.holder !== before.holder && before.holder !== holder ? 'a running lease changed hands' : undefined
  const name = `${label(holder)} fence ${fence}`
  return [
    { name: `renew ${name}`, late: false, run: (s, nowMs) => onRenew(s, asked, holder, nowMs, known), judge },
    {
      name: `release ${name}`,
      late: false,
      run: (s, nowMs) => onRelease(s, release, holder, nowMs, known),
      judge
    }
  ]
}

function commitEvents(
  { onCommit }: RuleSet,
  known: WitnessRules,
  asked: Signed<Commit>,
  senders: readonly WireContext[],
  voteBit: number,
  needsLease: number
): Event[] {
  const { holder, fence } = asked.body
  return senders.flatMap(({ identity: { peerId: from } }) =>
    BOTH.map(late => ({
      name: `commit ${label(holder)} fence ${fence} value ${voteBit} from ${label(from)}${late ? ' after the lapse' : ''}`,
      late,
      voteBit,
      needsLease,
      run: (state: WitnessState, nowMs: number) => onCommit(state, asked, from, nowMs, known),
      judge: (before: WitnessState, { state, reply }: Outcome) => {
        const stranger = before.holder !== undefined && before.holder !== holder && before.holder !== from
        if (!late && stranger && before.register === undefined && state.register !== undefined)
          return 'a stranger committed while a lease ran'
        if (!reply.granted) return undefined
        return contentOf(state.register?.body) === contentOf(asked.body)
          ? undefined
          : 'a vote beside the register'
      }
    }))
  )
}

/** A renewal that shows the certificate. */
function renewProving(cert: LeaseCert): Renew {
  const { replica, holder, fence } = cert
  return { replica, holder, fence, progressBps: 0, lease: { cert, etaMs: 8_000 } }
}

function proveEvent({ onRenew }: RuleSet, known: WitnessRules, asked: Renew, needsLease: number): Event {
  return {
    name: `renew ${label(asked.holder)} fence ${asked.fence} with the certificate`,
    late: false,
    needsLease,
    run: (state, nowMs) => onRenew(state, asked, asked.holder, nowMs, known),
    judge: (_, { state, reply }) => {
      if (!reply.granted) return undefined
      const { holder, fence } = state
      return holder === asked.holder && fence === asked.fence
        ? undefined
        : 'a proven lease was not taken over'
    }
  }
}

/** Lease certificates that do not hold, by what is wrong with them. */
function badLeases(
  holder: WireContext,
  fence: number,
  quorum: readonly WireContext[],
  other: WireContext
): Record<string, LeaseCert> {
  const by = (witnesses: readonly WireContext[], over: Partial<LeasePromise> = {}): LeaseCert =>
    leaseCert(holder, [], { fence, promises: witnesses.map(w => promise(w, holder, { fence, ...over })) })
  const later = { replica: replica({ generation: 1 }) }
  const shown = { register: commit(other, {}, quorum) }

  return {
    'one promise short': by(quorum.slice(1)),
    'a promise of a stranger': by([...quorum.slice(1), stranger]),
    'a lease of another generation': { ...by(quorum, later), ...later },
    'a lease of another holder': leaseCert(other, quorum, { fence }),
    'a lease that showed a register': by(quorum, shown),
    ...(quorum.length > 1 && { 'a promise counted twice': by([...quorum.slice(1), quorum[1]!]) })
  }
}

/** Nobody may write a register under a lease that does not hold. */
function badCommitEvents(
  { onCommit }: RuleSet,
  known: WitnessRules,
  holder: WireContext,
  fence: number,
  bad: Record<string, LeaseCert>
): Event[] {
  return Object.entries(bad).map(([why, lease]) => {
    const asked = commit(holder, { fence, lease })
    return {
      name: `commit ${label(holder.identity.peerId)} fence ${fence} under ${why}`,
      late: true,
      run: (state, nowMs) => onCommit(state, asked, asked.body.holder, nowMs, known),
      judge: (before, { state }) =>
        before.register === undefined && state.register !== undefined ? `a commit under ${why}` : undefined
    }
  })
}

/** Nor take over a lease that does not hold. That it showed a register is no fault here. */
function badProofEvents(
  { onRenew }: RuleSet,
  known: WitnessRules,
  holder: WireContext,
  fence: number,
  { 'a lease that showed a register': _, ...bad }: Record<string, LeaseCert>
): Event[] {
  return Object.entries(bad).map(([why, cert]) => {
    const asked = { ...renew(holder, { fence }), lease: { cert, etaMs: 8_000 } }
    return {
      name: `renew ${label(asked.holder)} fence ${fence} with ${why}`,
      late: false,
      run: (state, nowMs) => onRenew(state, asked, asked.holder, nowMs, known),
      judge: (before, { state }) =>
        state.holder !== before.holder || state.fence !== before.fence
          ? `a lease taken over for ${why}`
          : undefined
    }
  })
}

/** Commit certificates that do not hold: nobody may close a replica for one. */
function badCertEvents(
  { onCert }: RuleSet,
  known: WitnessRules,
  cert: CommitCert,
  quorum: readonly WireContext[]
): Event[] {
  const { votes } = cert
  const foreign = signed('commit-vote', votes[0]!.body, stranger)
  const later = { ...votes[0]!.body, replica: replica({ generation: 1 }) }
  const bad: Record<string, CommitCert> = {
    'one vote short': { ...cert, votes: votes.slice(1) },
    'a vote of a stranger': { ...cert, votes: [...votes.slice(1), foreign] },
    'votes of another generation': { ...cert, votes: quorum.map(w => signed('commit-vote', later, w)) },
    ...(votes.length > 1 && { 'a vote counted twice': { ...cert, votes: [...votes.slice(1), votes[1]!] } })
  }
  return Object.entries(bad).map(([why, asked]) => ({
    name: `certificate of ${label(cert.holder)} with ${why}`,
    late: false,
    run: state => onCert(state, asked, known),
    judge: (before, { state }) =>
      before.cert === undefined && state.cert !== undefined ? `closed for ${why}` : undefined
  }))
}

function certEvent({ onCert }: RuleSet, known: WitnessRules, cert: CommitCert, needsCommit: number): Event {
  return {
    name: `certificate of ${label(cert.holder)}`,
    late: false,
    needsCommit,
    run: state => onCert(state, cert, known),
    judge: () => undefined
  }
}

/** A register or certificate as text. */
export function contentOf(commitment: { holder: PeerId; seal: Uint8Array } | undefined): string | undefined {
  return commitment && `${commitment.holder} ${commitment.seal}`
}
