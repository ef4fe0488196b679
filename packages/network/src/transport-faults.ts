import { type PeerId, RayswarmError } from '@rayswarm/interface'
import { parsePeer } from './addresses.ts'

/** Peers with rules of their own. */
const RULED_PEERS_MAX = 10_000
const BPS = 10_000

/**
 * What goes wrong between this peer and another. Everything but `cut: 'in'` acts on what this peer sends, so a fault of a
 * whole link is made by rules at both its ends.
 */
export interface FaultRule {
  /**
   * Silence: `in` withholds what arrives, `out` what we send, `both` is a partition. Nothing is reset or closed, and dials
   * time out. Bytes are withheld, as TCP does, not lost: a connection that outlives the cut goes on where it stopped.
   *
   * A peer that dials us is known only at the end of the handshake. With a rule for it at our end alone, its dial
   * succeeds and then hears nothing; with rules at both ends, or for `*`, the dial times out.
   */
  readonly cut?: 'in' | 'out' | 'both' | 'none'
  /**
   * Share of the gossip messages, requests and replies we send that vanish, in hundredths of a percent. Of whole messages,
   * because a byte stream cannot lose bytes and go on. Subscriptions, the DHT and probes are not touched.
   */
  readonly lossBps?: number
  /** Added to the way of every byte we send; the order stays. */
  readonly latencyMs?: number
  /** At most this much more latency, different for each write. */
  readonly jitterMs?: number
  /** Bytes per second of each connection; 0 is no limit. */
  readonly bytesPerS?: number
}

const NUMBERS = [
  ['lossBps', BPS],
  ['latencyMs', 60_000],
  ['jitterMs', 60_000],
  ['bytesPerS', Number.MAX_SAFE_INTEGER]
] as const
const NONE: FaultRule = {}
const CUTS: readonly unknown[] = ['in', 'out', 'both', 'none', undefined]

/**
 * Faults a peer injects into its own traffic, for test networks.
 *
 * Covers everything that goes over libp2p connections. Multicast is not covered.
 *
 * @example
 *
 * ```ts
 * const faults = new TransportFaults()
 * const swarm = await createSwarm({ ...init, faults })
 * faults.set('*', { latencyMs: 40, jitterMs: 10 })
 * faults.set([peer], { cut: 'both' }) // a partition, with the latency still there after it
 * faults.clear([peer])
 * ```
 */
export class TransportFaults {
  readonly #rules = new Map<PeerId | '*', FaultRule>()
  readonly #listeners = new Set<() => void>()
  readonly #unit: () => number

  /** @param init `unit` draws losses and jitter, uniform in `[0, 1)`; the system's chance when left out */
  constructor(init: { readonly unit?: () => number } = {}) {
    this.#unit = init.unit ?? Math.random
  }

  /**
   * Lay `rule` over what was set for these peers before: fields left out stay. `*` is everybody, strangers included; what
   * is set for a peer itself goes before it.
   *
   * @throws {RayswarmError} `ERR_USAGE` naming the peer or the number that makes no sense
   */
  set(peers: readonly PeerId[] | '*', rule: FaultRule): void {
    checkRule(rule)
    const names = peers === '*' ? (['*'] as const) : peers
    for (const name of names) checkPeer(name)
    for (const name of names) {
      if (!this.#rules.has(name) && this.#rules.size >= RULED_PEERS_MAX)
        throw refused('peers with faults', this.#rules.size, `Keep to ${RULED_PEERS_MAX} peers.`)
      this.#rules.set(name, { ...this.#rules.get(name), ...rule })
    }
    this.#changed()
  }

  /** Forget what was set for these peers, or everything. */
  clear(peers?: readonly PeerId[] | '*'): void {
    if (peers === undefined) this.#rules.clear()
    else for (const name of peers === '*' ? ['*'] : peers) this.#rules.delete(name)
    this.#changed()
  }

  /** What was set, by peer. */
  rules(): ReadonlyMap<PeerId | '*', FaultRule> {
    return new Map(this.#rules)
  }

  /** What holds for `peer`; undefined is a peer not known yet. */
  ruleOf(peer: PeerId | undefined): FaultRule {
    const own = peer === undefined ? undefined : this.#rules.get(peer)
    const all = this.#rules.get('*')
    return own === undefined || all === undefined ? (own ?? all ?? NONE) : { ...all, ...own }
  }

  /** True when the next message to `peer` vanishes. Draws anew at each call. */
  loses(peer: PeerId): boolean {
    if (this.#rules.size === 0) return false
    const { lossBps = 0 } = this.ruleOf(peer)
    return lossBps > 0 && this.#unit() * BPS < lossBps
  }

  /** A draw for the jitter of one write. */
  unit(): number {
    return this.#unit()
  }

  /** Call `fn` after every change. */
  onChange(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  #changed(): void {
    for (const fn of this.#listeners) fn()
  }
}

function checkRule(rule: FaultRule): void {
  if (!CUTS.includes(rule.cut)) throw refused('cut', rule.cut, 'One of in, out, both and none.')
  for (const [name, max] of NUMBERS) {
    const value = rule[name] ?? 0
    if (!Number.isFinite(value) || value < 0 || value > max)
      throw refused(name, value, `A number from 0 to ${max}.`)
  }
}

function checkPeer(name: string): void {
  if (name !== '*' && parsePeer(name) === undefined) throw refused('peer', name, 'A peer id, or * for all.')
}

function refused(thing: string, value: unknown, remedy: string): RayswarmError {
  return new RayswarmError('ERR_USAGE', `${thing} ${String(value)} is no transport fault`, {
    thing,
    value,
    remedy
  })
}
