import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Account, Hex, PeerId } from '@rayswarm/interface'
import { REGISTRATION_DELAY_EPOCHS } from '@rayswarm/params'
import { accountOf, MemoryChain } from '@rayswarm/simulation'
import { canonical, fromHex, nodeIdentity, publicKeyOf, toHex } from '@rayswarm/wire'
import { computeAddress, type Log, Wallet, ZeroAddress, ZeroHash } from 'ethers'
import fc from 'fast-check'
import { SeededBeacon } from '../src/genesis.ts'
import { isVoteSigned, REGISTRY, voteHash } from '../src/index.ts'
import { snapshotOf } from '../src/registrations.ts'
import { RegistryLog } from '../src/registry-log.ts'
import { signVote } from '../src/typed-vote.ts'

interface Event {
  readonly event: string
  readonly epoch: number
  readonly account: number
  readonly peer?: number
  readonly stake?: string
  /** The peer did not sign for the account. */
  readonly unbound?: boolean
}
interface Counted {
  readonly account: number
  readonly peer: number
  readonly stake: string
}
interface Vectors {
  readonly binding: readonly Binding[]
  readonly vote: readonly Vote[]
  readonly seededBeacon: readonly { name: string; seed: Hex; escrow: Hex; randomness: Hex }[]
  readonly peers: readonly PeerId[]
  readonly snapshot: readonly {
    readonly name: string
    readonly events: readonly Event[]
    readonly counted: readonly { readonly epoch: number; readonly entries: readonly Counted[] }[]
  }[]
}
interface Binding {
  readonly name: string
  readonly chainId: number
  readonly registry: Account
  readonly account: Account
  readonly seed: Hex
  readonly peer: PeerId
  readonly bytes: Hex
  readonly binding: Hex
}
interface Vote {
  readonly name: string
  readonly chainId: number
  readonly registry: Account
  readonly replica: Hex
  readonly content: Hex
  readonly digest: Hex
  readonly key: Hex
  readonly signature: Hex
}

// This file runs in dist/test.
const PATH = join(import.meta.dirname, '../../../../spec/vectors/registry.json')
const { binding, vote, seededBeacon, peers, snapshot, ...rest }: Vectors = JSON.parse(
  readFileSync(PATH, 'utf8')
)
const ACCOUNTS = [0, 1, 2].map(index => accountOf(`account ${index}`))
const UNBOUND = `0x${'00'.repeat(64)}`
const BOUND = `0x${'01'.repeat(64)}`

describe('spec/vectors/registry.json', () => {
  it('has no section without a runner', () => assert.deepEqual(rest, {}))

  for (const v of binding) {
    it(`binding: ${v.name}`, () => {
      const identity = nodeIdentity(fromHex(v.seed))
      const bytes = canonical(['rayswarm registration', v.chainId, v.registry, v.account])
      assert.deepEqual([identity.peerId, toHex(bytes)], [v.peer, v.bytes])
      assert.equal(toHex(identity.sign(bytes)), v.binding)
      assert.equal(identity.verify(v.peer, bytes, fromHex(v.binding)), true)
    })
  }

  for (const v of vote) {
    it(`vote: ${v.name}`, async () => {
      assert.equal(voteHash(v, v), v.digest)
      assert.equal(await signVote(new Wallet(v.key), v, v), v.signature)
      assert.equal(isVoteSigned(v, v, computeAddress(v.key), v.signature), true)
    })
  }

  for (const v of seededBeacon) {
    it(`seeded beacon: ${v.name}`, async () => {
      const chain = new MemoryChain({ nowMs: () => 0 }).viewOf(accountOf('creator'))
      const locked = async (ref: Parameters<typeof chain.escrow>[0]) =>
        ({ ...(await chain.escrow(ref)), state: 'locked', final: true }) as const
      const beacon = new SeededBeacon({ seed: fromHex(v.seed), chain: { escrow: locked } })
      const value = await beacon.after({ chainId: 31_337, contract: chain.contract, id: v.escrow })
      assert.equal(value && toHex(value.randomness), v.randomness)
    })
  }

  for (const v of snapshot) {
    it(`snapshot: ${v.name}`, () => {
      const log = logOf(v.events)
      for (const { epoch, entries } of v.counted)
        assert.deepEqual(countedIn(log, epoch), entries, `epoch ${epoch}`)
    })
  }
})

describe('RegistryLog', () => {
  const event = fc.record({
    event: fc.constantFrom('Registered', 'Registered', 'Registered', 'Left', 'Slashed', 'StakeWithdrawn'),
    account: fc.nat(2),
    peer: fc.nat(2),
    stake: fc.constantFrom('1', '2', '3'),
    unbound: fc.constantFrom(false, false, false, true),
    later: fc.constantFrom(0, 0, 1, 2, 3)
  })
  const history = fc.array(event, { maxLength: 12 }).map(steps => {
    let epoch = 0
    return steps.map(({ later, ...step }): Event => {
      epoch += later
      return { ...step, epoch }
    })
  })

  it('makes a snapshot of what was before its epoch, and of nothing else', () => {
    fc.assert(
      fc.property(history, fc.nat(15), (events, epoch) => {
        const before = events.filter(each => each.epoch < epoch)
        assert.deepEqual(countedIn(logOf(events), epoch), countedIn(logOf(before), epoch))
      })
    )
  })

  it('counts each peer and each account once, of age and bound', () => {
    fc.assert(
      fc.property(history, fc.nat(15), (events, epoch) => {
        const entries = countedIn(logOf(events), epoch)
        for (const field of ['peer', 'account'] as const)
          assert.equal(new Set(entries.map(entry => entry[field])).size, entries.length)
        for (const entry of entries)
          assert.ok(
            events.some(
              each =>
                each.event === 'Registered' &&
                each.unbound === false &&
                each.epoch <= epoch - REGISTRATION_DELAY_EPOCHS &&
                each.account === entry.account &&
                each.peer === entry.peer &&
                each.stake === entry.stake
            )
          )
      })
    )
  })

  it('counts whoever registered in time and did nothing since', () => {
    fc.assert(
      fc.property(history, fc.nat(15), (events, epoch) => {
        const log = logOf(events)
        for (const [account] of ACCOUNTS.entries()) {
          const own = events.filter(
            each => each.account === account && !(each.event === 'Registered' && each.unbound)
          )
          const last = own.findLast(each => each.event !== 'StakeWithdrawn')
          if (last?.event !== 'Registered' || last.epoch > epoch - REGISTRATION_DELAY_EPOCHS) continue
          const [entries, { peer }] = [countedIn(log, epoch), last]
          assert.ok(
            entries.some(entry => entry.peer === peer),
            'the peer counts, for this account or an earlier one'
          )
        }
      })
    )
  })

  it('leaves events alone that it does not know', () => {
    const log = new RegistryLog(() => true)
    log.append({ topics: [ZeroHash], data: '0x', address: ZeroAddress } as unknown as Log)
    assert.deepEqual(log.entries(10), [])
  })
})

function logOf(events: readonly Event[]): RegistryLog {
  const log = new RegistryLog((_account, _peer, bound) => toHex(bound) === BOUND)
  for (const event of events) log.append(encoded(event))
  return log
}

function encoded({ event, epoch, account, peer, stake, unbound }: Event): Log {
  const who = ACCOUNTS[account]!
  const key = peer === undefined ? ZeroHash : toHex(publicKeyOf(peers[peer]!)!)
  const values: Record<string, readonly unknown[]> = {
    Registered: [who, key, ZeroHash, epoch, stake, '', unbound ? UNBOUND : BOUND],
    Left: [who, epoch, 0],
    Slashed: [who, epoch, ZeroAddress, 0, 0],
    StakeWithdrawn: [who, 0]
  }
  return REGISTRY.encodeEventLog(event, values[event]!) as unknown as Log
}

function countedIn(log: RegistryLog, epoch: number): Counted[] {
  return snapshotOf(epoch, log.entries(epoch)).entries.map(({ account, peer, stake }) => ({
    account: ACCOUNTS.indexOf(account),
    peer: peers.indexOf(peer),
    stake: String(stake)
  }))
}
