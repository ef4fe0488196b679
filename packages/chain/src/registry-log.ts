import type { Account, Amount, Hex, PeerId, Registration } from '@rayswarm/interface'
import { RayswarmError } from '@rayswarm/interface'
import { REGISTRATION_COUNT_MAX } from '@rayswarm/params'
import { fromHex, peerIdOf } from '@rayswarm/wire'
import { type Log, ZeroHash } from 'ethers'
import { REGISTRY } from './artifacts.ts'
import { CLASS_COUNT_MAX, isClass, lastCountedEpoch } from './registrations.ts'

/** Whether the peer signed that the account is its own. */
export type BindingCheck = (account: Account, peer: PeerId, binding: Uint8Array) => boolean

interface Registered {
  readonly kind: 'registered'
  readonly epoch: number
  /** Place in the order of all events of the registry. */
  readonly order: number
  readonly registration: Registration
}

/** The account counts no more from this epoch on. */
interface Ended {
  readonly kind: 'ended'
  readonly epoch: number
}

/**
 * What became of every account, in the order of the chain. A pure fold of the contract's events: whoever reads the same events
 * makes the same snapshots of them.
 *
 * @see spec/registry.md#snapshot
 */
export class RegistryLog {
  readonly #checkBinding: BindingCheck
  readonly #byAccount = new Map<Account, (Registered | Ended)[]>()
  #eventCount = 0

  constructor(checkBinding: BindingCheck) {
    this.#checkBinding = checkBinding
  }

  /** Events must come in the order of the chain. */
  append(log: Log): void {
    const parsed = REGISTRY.parseLog(log)
    if (parsed === null) return
    const { name, args } = parsed
    if (name === 'Registered') this.#append(args.account, this.#registered(args))
    if (name === 'Left' || name === 'Slashed')
      this.#append(args.account, { kind: 'ended', epoch: Number(args.epoch) })
  }

  /** Who counts in an epoch. Depends only on events before it. */
  entries(epoch: number): Registration[] {
    const lastCounted = lastCountedEpoch(epoch)
    const byPeer = new Map<PeerId, Registered>()
    for (const history of this.#byAccount.values()) {
      const counted = countedAt(history, epoch, lastCounted)
      if (counted === undefined) continue
      const { peer } = counted.registration
      const other = byPeer.get(peer)
      // A peer that signed for two accounts counts with the older registration.
      if (other === undefined || counted.order < other.order) byPeer.set(peer, counted)
    }
    return [...byPeer.values()].map(({ registration }) => registration)
  }

  #append(account: Account, event: Registered | Ended | undefined): void {
    if (event === undefined) return
    if (this.#eventCount >= REGISTRATION_COUNT_MAX)
      throw new RayswarmError('ERR_QUOTA', `more than ${REGISTRATION_COUNT_MAX} events in the registry`, {
        thing: 'registry events',
        value: this.#eventCount,
        remedy: 'Use a registry of a smaller network.'
      })
    this.#eventCount += 1
    const history = this.#byAccount.get(account)
    if (history === undefined) this.#byAccount.set(account, [event])
    else history.push(event)
  }

  #registered(args: Record<string, unknown>): Registered | undefined {
    const { account, peerKey, operatorTag, epoch, stake, classes, binding } = args as {
      account: Account
      peerKey: Hex
      operatorTag: Hex
      epoch: bigint
      stake: Amount
      classes: string
      binding: Hex
    }
    const peer = peerIdOf(fromHex(peerKey))
    // Anybody can name a stranger's key; only the peer can sign for the account.
    if (!this.#checkBinding(account, peer, fromHex(binding))) return undefined
    const registration = {
      peer,
      account,
      stake,
      classes: classesOf(classes),
      operatorTag: operatorTag === ZeroHash ? '' : operatorTag,
      sinceEpoch: Number(epoch)
    }
    return { kind: 'registered', epoch: Number(epoch), order: this.#eventCount, registration }
  }
}

/** The registration of one account that counts in an epoch, if any. */
function countedAt(
  history: readonly (Registered | Ended)[],
  epoch: number,
  lastCounted: number
): Registered | undefined {
  let counted: Registered | undefined
  for (const event of history) {
    if (event.epoch >= epoch) break
    if (event.kind === 'ended') counted = undefined
    // A newer one that is not of age leaves the older one standing.
    else if (event.epoch <= lastCounted) counted = event
  }
  return counted
}

/** Text of an account's own making: what is no class is left out. */
function classesOf(text: string): string[] {
  return [...new Set(text.split(',').filter(isClass))].slice(0, CLASS_COUNT_MAX)
}
