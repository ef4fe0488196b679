import type {
  Admission,
  JobSpec,
  LedgerEntry,
  Network,
  Offer,
  PeerId,
  Signed,
  Store,
  VerdictsClaim
} from '@rayswarm/interface'
import { escrowIdOf } from '@rayswarm/market'
import { params } from '@rayswarm/params'
import { IdSet } from '@rayswarm/reconcile'
import {
  MemoryStore,
  SeededChance,
  VirtualClock,
  VirtualKeys,
  VirtualNetwork,
  type Weather
} from '@rayswarm/simulation'
import {
  cidOf,
  jobHashOf,
  jobIdOf,
  peerIdOf,
  sha256,
  signed,
  toAccount,
  toHex,
  type WireContext
} from '@rayswarm/wire'
import type { RoleComponents } from '../src/components.ts'
import { Emitter } from '../src/emitter.ts'
import { LedgerRole } from '../src/ledger-role.ts'
import { OfferBook } from '../src/offer-book.ts'
import { SyncRole, type SyncSet } from '../src/sync-role.ts'

const CHAIN_ID = 31_337
export const EPOCH_MS = 1_700_000_000_000
const text = new TextEncoder()
const SILENT = { debug: () => {}, info: () => {}, warn: () => {} }
const ACCOUNT = toAccount(`0x${'11'.repeat(20)}`)!

/** What runs on a host while it is up. */
export interface Roles {
  readonly network: Network
  readonly sync: SyncRole
  readonly ledger: LedgerRole
  readonly offers: OfferBook
}

/** A machine with a disk and a key. */
export interface SyncHost {
  readonly peerId: PeerId
  readonly context: WireContext
  readonly disk: MemoryStore
  /** @throws {TypeError} while it is down */
  readonly roles: Roles
  up(store?: Store): Promise<void>
  down(): Promise<void>
}

/** Peers that do nothing but keep the ledger and the offers, in one virtual network. */
export class SyncWorld {
  readonly clock = new VirtualClock(EPOCH_MS)
  readonly network: VirtualNetwork
  readonly hosts: readonly SyncHost[]
  readonly #chance: SeededChance
  readonly #keys = new VirtualKeys()

  constructor(hostCount: number, weather: Weather, seed = 1) {
    this.#chance = new SeededChance(seed)
    this.network = new VirtualNetwork({ clock: this.clock, chance: this.#chance.fork() }, { weather })
    this.hosts = Array.from({ length: hostCount }, () => this.#host())
  }

  async up(): Promise<void> {
    for (const host of this.hosts) await host.up()
  }

  async down(): Promise<void> {
    for (const host of this.hosts) await host.down()
  }

  /** Let a promise end while time passes. */
  async settled<T>(promise: Promise<T>, withinMs = 60_000): Promise<T> {
    let done = false
    const end = (): void => {
      done = true
    }
    promise.then(end, end)
    if (!(await this.clock.until(() => done, withinMs))) throw new RangeError(`not within ${withinMs} ms`)
    return promise
  }

  #host(): SyncHost {
    const peerId = peerIdOf(this.#chance.bytes(32))
    const identity = this.#keys.identity(peerId, this.#chance.bytes(32))
    const context: WireContext = { identity, chainId: CHAIN_ID, netId: 'sync-test' }
    const disk = new MemoryStore()
    let roles: Roles | undefined
    return {
      peerId,
      context,
      disk,
      get roles() {
        if (roles === undefined) throw new TypeError('the host is down')
        return roles
      },
      up: async (store = disk) => {
        roles = await this.#boot(context, store)
      },
      down: async () => {
        if (roles === undefined) return
        this.network.leave(peerId)
        await Promise.all([roles.sync.stop(), roles.offers.stop(), roles.ledger.stop()])
        roles = undefined
      }
    }
  }

  async #boot(context: WireContext, store: Store): Promise<Roles> {
    const network = this.network.join(context.identity.peerId)
    const components = {
      ...{ clock: this.clock, chance: this.#chance.fork(), network, store, context, log: SILENT },
      ...{ params: params.minimal, events: new Emitter() }
    } as unknown as RoleComponents
    const roles: Roles = {
      network,
      sync: new SyncRole(components),
      ledger: new LedgerRole(components),
      offers: new OfferBook(components)
    }
    roles.offers.start()
    await roles.ledger.start()
    roles.sync.register(roles.offers.set)
    roles.sync.register(roles.ledger.set)
    roles.sync.start()
    return roles
  }
}

/** A verdict on one replica. */
export function verdict(node: PeerId, subtask: number): VerdictsClaim {
  const replica = { job: cidOf('job'), subtask, replica: 0, generation: 0 }
  const digest = sha256(text.encode('digest'))
  const equivalenceClass = 'pathtracer/1/wasm'
  return {
    kind: 'verdicts',
    verdicts: [{ replica, node, equivalenceClass, verdict: 'accepted', weight: 1_024, digest }]
  }
}

/** The first entry of a feed, with one of two claims. */
export function firstEntry(context: WireContext, subtask: number): Signed<LedgerEntry> {
  const author = context.identity.peerId
  return signed('entry', { author, sequence: 1, atMs: EPOCH_MS, claim: verdict(author, subtask) }, context)
}

/** An offer of its creator, one per nonce. */
export function offerOf(context: WireContext, nonce: number, over: Partial<Offer> = {}): Signed<Offer> {
  const spec: JobSpec = {
    ...{ version: 1, creator: context.identity.peerId, nonce, name: `job ${nonce}` },
    ...{ manifest: cidOf('manifest'), assetsSizeBytes: 1_000 },
    work: {
      ...{ kind: 'render', engine: 'pathtracer', entry: 'scene.glb', frames: [{ first: 1, last: 4 }] },
      ...{ framesPerSecond: 24, widthPx: 16, heightPx: 8, samplesPerPixel: 4, maxBounces: 4, seed: 1 },
      output: { exposureStops: 0, toneMap: 'aces', exr: 'none' },
      split: { framesPerSubtask: 1, tileColumns: 1, tileRows: 1, sampleRanges: 1 }
    },
    verify: { replicaCount: 2, replicaCountMax: 3, quorum: 2 },
    ...{ pricePerMegaUnitMax: 1_000n, memoryBytes: 1_000_000, deadlineAfterMs: 600_000 }
  }
  const escrowSalt = toHex(sha256(text.encode('salt')))
  const id = escrowIdOf(ACCOUNT, jobHashOf(jobIdOf(spec)), escrowSalt)
  const body: Offer = {
    ...{ spec, escrow: { chainId: CHAIN_ID, contract: ACCOUNT, id }, escrowSalt, account: ACCOUNT },
    ...{ witness: { witnessCount: 1, quorum: 1 }, addresses: [], createdAtMs: EPOCH_MS },
    ...over
  }
  return signed('offer', body, context)
}

/** A set of plain texts, as a job's evidence is one of certificates. */
export class TextSet implements SyncSet {
  readonly name = 'job'
  readonly job = cidOf('job')
  readonly ids = new IdSet()
  readonly items = new Map<string, Uint8Array>()
  readonly taken: string[] = []

  constructor(texts: Iterable<string>) {
    for (const item of texts) this.add(text.encode(item))
  }

  add(item: Uint8Array): boolean {
    const id = sha256(item)
    this.items.set(toHex(id), item)
    return this.ids.add(id)
  }

  read(id: Uint8Array): Uint8Array | undefined {
    return this.items.get(toHex(id))
  }

  take(item: Uint8Array): Admission {
    const words = new TextDecoder().decode(item)
    this.taken.push(words)
    if (words.startsWith('wrong')) return { action: 'reject', fault: 'wrong' }
    if (words.startsWith('strange')) return { action: 'ignore', fault: 'strange' }
    return this.add(item) ? { action: 'accept' } : { action: 'ignore', fault: 'duplicate' }
  }
}
