import type { Account, Amount, PeerId, ReplicaKey } from '@rayswarm/interface'
import { decodeMessage, replicaId, toHex, type WireContext } from '@rayswarm/wire'

/** A witness's last word on one replica. */
interface Word {
  fence: number
  holder: PeerId | undefined
  /** The commit it voted for. */
  vote: string | undefined
}

/**
 * Overhears what witnesses say and holders show, and notes what must never be: a fence that falls, one fence for two holders,
 * a second vote, a second certificate. A witness that lost its memory in a crash is caught by its own words.
 */
export class Watch {
  readonly violations: string[] = []
  readonly #context: WireContext
  readonly #isFaithful: (peer: PeerId) => boolean
  /** By witness, and by what it speaks of: a world has one job. */
  readonly #words = new Map<PeerId, Map<string, Word>>()
  readonly #certs = new Map<string, string>()
  /** What holders show is shown to every judge. */
  readonly #shown = new WeakSet<object>()
  /** Highest certified price per account and subtask that its holder opened. */
  readonly #opened = new Map<Account, Map<string, Amount>>()

  /** Only the words of peers that are `isFaithful` are held against them. */
  constructor(context: WireContext, isFaithful: (peer: PeerId) => boolean) {
    this.#context = context
    this.#isFaithful = isFaithful
  }

  /** An answer to a lease request left its witness for whoever asked. */
  onLeaseReply(bytes: Uint8Array, witness: PeerId, asker: PeerId): void {
    if (!this.#isFaithful(witness)) return
    const decoded = decodeMessage(bytes, ['promise', 'renew-ack', 'commit-vote'], this.#context)
    if (!decoded.ok) return
    const { type, body } = decoded.value
    const word = this.#wordOf(witness, body.replica)
    if (type === 'commit-vote') {
      const vote = `${body.holder} ${toHex(body.seal)}`
      if (word.vote !== undefined && word.vote !== vote) this.#note('voted twice', witness, body.replica)
      word.vote ??= vote
      return
    }
    // A renewal is its holder's own; a promise names whom it is for.
    const holder = type === 'promise' ? body.holder : asker
    if (body.fence < word.fence)
      this.#note(`went back from fence ${word.fence} to ${body.fence}`, witness, body.replica)
    if (body.fence === word.fence && word.holder !== undefined && word.holder !== holder)
      this.#note(`gave fence ${body.fence} to two holders`, witness, body.replica)
    word.holder = holder
    word.fence = body.fence
  }

  /** A holder shows its certificate. */
  onVerification(bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes, ['sealed', 'reveal'], this.#context)
    if (!decoded.ok || this.#shown.has(decoded.value)) return
    this.#shown.add(decoded.value)
    const { type, body } = decoded.value
    const { replica, holder, seal, price } = body.cert
    if (type === 'reveal') {
      const { account } = body.attestation.body
      const prices = this.#opened.get(account) ?? new Map<string, Amount>()
      const subtask = `${replica.job}/${replica.subtask}`
      if (price > (prices.get(subtask) ?? -1n)) prices.set(subtask, price)
      this.#opened.set(account, prices)
    }
    const id = replicaId(replica)
    const cert = `${holder} ${toHex(seal)}`
    const before = this.#certs.get(id)
    if (before === undefined) this.#certs.set(id, cert)
    else if (before !== cert) this.violations.push(`two certificates for ${nameOf(replica)}`)
  }

  /** Most that each account can have earned: each opened subtask once, at its certified price. */
  earned(): Map<Account, Amount> {
    return new Map(
      [...this.#opened].map(([account, prices]) => [
        account,
        [...prices.values()].reduce((a, b) => a + b, 0n)
      ])
    )
  }

  #wordOf(witness: PeerId, replica: ReplicaKey): Word {
    let words = this.#words.get(witness)
    if (words === undefined) {
      words = new Map()
      this.#words.set(witness, words)
    }
    const about = `${replica.subtask}/${replica.replica}/${replica.generation}`
    let word = words.get(about)
    if (word === undefined) {
      word = { fence: 0, holder: undefined, vote: undefined }
      words.set(about, word)
    }
    return word
  }

  #note(what: string, witness: PeerId, replica: ReplicaKey): void {
    this.violations.push(`witness ${witness.slice(-6)} ${what}: ${nameOf(replica)}`)
  }
}

function nameOf({ subtask, replica, generation }: ReplicaKey): string {
  return `subtask ${subtask}, replica ${replica}, generation ${generation}`
}
