import assert from 'node:assert/strict'
import type { Commit, Signed } from '@rayswarm/interface'
import { VACANT, type WitnessState } from '../src/index.ts'
import { explore } from './checker.ts'
import { RULES, type RuleSet, type World } from './events.ts'

const OWNER: World = { m: 1, q: 1, b: 0, holderCount: 3, fenceCount: 2, sealCount: 2 }
const MAJORITY: World = { m: 3, q: 2, b: 0, holderCount: 2, fenceCount: 2, sealCount: 1 }
const ONE_LIAR: World = { m: 4, q: 3, b: 1, holderCount: 2, fenceCount: 2, sealCount: 1 }
const FAR_MS = 1e6

/** Wrong rules by hand. Each is a mistake somebody could make; the checker must find every one of them. */
const MUTANTS: Readonly<Record<string, Partial<RuleSet>>> = {
  'forgets the register when the lease changes hands': {
    onClaim: (state, claim, ...rest) => {
      const step = RULES.onClaim(state, claim, ...rest)
      return step.reply.granted && state.holder !== claim.holder
        ? { ...step, state: without(step.state, 'register') }
        : step
    }
  },
  'votes for whatever comes': {
    onCommit: (state, ...rest) => RULES.onCommit(without(state, 'register'), ...rest)
  },
  'votes beside the register': {
    onCommit: (state, commit, ...rest) => ({
      ...RULES.onCommit(without(state, 'register'), commit, ...rest),
      state: state.register === undefined ? registered(state, commit) : state
    })
  },
  'promises one fence twice': {
    onClaim: (state, ...rest) => RULES.onClaim({ ...state, fence: Math.max(0, state.fence - 1) }, ...rest)
  },
  'takes a claim while another holds': {
    onClaim: (state, claim, from, _nowMs, rules) => RULES.onClaim(state, claim, from, FAR_MS, rules)
  },
  'hides the register from claimants': {
    onClaim: (...args) => {
      const step = RULES.onClaim(...args)
      if (!step.reply.granted) return step
      const { register: _, ...value } = step.reply.value
      return { ...step, reply: { granted: true, value } }
    }
  },
  'leases a closed replica': {
    onClaim: (state, ...rest) => {
      const step = RULES.onClaim(without(state, 'cert'), ...rest)
      return { ...step, state: { ...step.state, ...(state.cert && { cert: state.cert }) } }
    }
  },
  'takes the commit of a stranger while a lease runs': {
    onCommit: (state, commit, from, _nowMs, rules) => RULES.onCommit(state, commit, from, FAR_MS, rules)
  },
  'takes a commit without a lease': {
    onCommit: (state, commit, ...rest) => {
      const step = RULES.onCommit(state, commit, ...rest)
      if (step.reply.granted || step.reply.refusal.reason !== 'bad-certificate') return step
      const { replica, holder, seal, lease } = commit.body
      return {
        state: registered(state, commit),
        changed: true,
        reply: { granted: true, value: { replica, holder, seal, price: lease.price } }
      }
    }
  },
  'forgets everything in a restart': { onRestart: () => VACANT },
  'forgets the register in a restart': { onRestart: state => without(state, 'register') },
  'lowers the fence on release': {
    onRelease: (state, release, ...rest) => {
      const step = RULES.onRelease(state, release, ...rest)
      return step.changed ? { ...step, state: { ...step.state, fence: step.state.fence - 1 } } : step
    }
  },
  'releases for anybody': {
    onRelease: (state, release, ...rest) =>
      RULES.onRelease({ ...state, holder: release.holder, fence: release.fence }, release, ...rest)
  },
  'renews for anybody': {
    onRenew: (state, renew, ...rest) =>
      RULES.onRenew({ ...state, holder: renew.holder, fence: renew.fence }, renew, ...rest)
  },
  'drops the register on release': {
    onRelease: (state, ...rest) => {
      const step = RULES.onRelease(state, ...rest)
      return step.changed ? { ...step, state: without(step.state, 'register') } : step
    }
  },
  'drops the certificate on release': {
    onRelease: (state, ...rest) => {
      const step = RULES.onRelease(state, ...rest)
      return step.changed ? { ...step, state: without(step.state, 'cert') } : step
    }
  }
}

function without(state: WitnessState, field: 'register' | 'cert'): WitnessState {
  const { [field]: _, ...rest } = state
  return rest
}

function registered(state: WitnessState, commit: Signed<Commit>): WitnessState {
  return { ...state, register: commit }
}

describe('witness rules, every reachable state', function () {
  this.timeout(60_000)

  for (const world of [OWNER, MAJORITY, ONE_LIAR]) {
    it(`keep every invariant with m ${world.m}, q ${world.q}, b ${world.b}`, () => {
      const { broken, stateCount } = explore(RULES, world)
      assert.equal(broken, undefined, `${broken?.invariant}: ${broken?.trace.join(', ')}`)
      assert.ok(stateCount > 50, `only ${stateCount} states: the world does not move`)
    })
  }

  for (const [m, q, b] of [
    [3, 2, 1],
    [2, 1, 0],
    [4, 2, 0],
    [4, 3, 2]
  ] as const) {
    it(`cannot keep them where 2q - m <= b: m ${m}, q ${q}, b ${b}`, () => {
      const small: World = { ...MAJORITY, m, q, b }
      assert.equal(explore(RULES, small).broken?.invariant, 'two lease certificates for one fence')
      const { broken } = explore(RULES, { ...small, leasesMayClash: true })
      assert.equal(broken?.invariant, 'two commit certificates')
      assert.ok(broken.trace.some(event => event.startsWith('commit')))
    })
  }

  it('close a replica once even if leases clash, as long as 2q - m > b', () => {
    assert.equal(explore(RULES, { ...MAJORITY, leasesMayClash: true }).broken, undefined)
  })

  for (const [name, mutant] of Object.entries(MUTANTS)) {
    it(`catch a witness that ${name}`, () => {
      const rules = { ...RULES, ...mutant }
      const broken = explore(rules, OWNER).broken ?? explore(rules, MAJORITY).broken
      assert.ok(broken !== undefined, 'the mutant survived')
    })
  }
})
