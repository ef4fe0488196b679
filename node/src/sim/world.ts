import { setMaxListeners } from 'node:events'
import { SeededBeacon, StaticRegistry } from '@rayswarm/chain/genesis'
import type { Amount, Identity, JobSpec, Log, PeerId, WitnessRule } from '@rayswarm/interface'
import { judgeCertRecord } from '@rayswarm/lease'
import { OUTBOUND_REQUESTS_MAX, PAYOUT_SPLIT, type Params, params } from '@rayswarm/params'
import { type JobReport, Peer } from '@rayswarm/peer'
import {
  FAIR_WEATHER,
  HostClock,
  lyingRunner,
  MemoryChain,
  MemoryStore,
  ProcessStore,
  SeededChance,
  VirtualClock,
  VirtualIpfs,
  VirtualKeys,
  VirtualNetwork,
  VirtualRunner,
  type Weather
} from '@rayswarm/simulation'
import { peerIdOf, toAccount, toHex, type WireContext, WireMemo } from '@rayswarm/wire'
import { type JobFile, jobSpecOf } from '@rayswarm/workload'

const CHAIN_ID = 31_337
const NET_ID = 'virtual'
const FUNDS: Amount = 1_000_000_000_000n
const GIB = 2 ** 30
const EPOCH_S = 3_600
const STAKE: Amount = 1_000_000n
/** A world begins at a plausible instant, so that nothing depends on zero. */
const EPOCH_MS = 1_700_000_000_000

// Every request and every sleep of a peer listens for its end.
setMaxListeners(OUTBOUND_REQUESTS_MAX)

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {} }

/** One virtual world: who lives in it, and how hard their life is. */
export interface WorldInit {
  readonly seed: number
  /** Nodes; the creator is one more peer. */
  readonly nodeCount: number
  /** The first nodes that attest wrong results. */
  readonly liarCount: number
  readonly weather: Weather
  /** Mean time between crashes of one peer; the creator crashes too. 0: nobody crashes. */
  readonly crashEveryMs: number
  /** How long a crashed peer stays away, at most. */
  readonly downMsMax: number
  readonly job: JobFile
  readonly workUnitsPerMs: number
  readonly params: Params
  /** Witnesses that the creator asks for; owner mode when absent. */
  readonly witness?: WitnessRule
}

/** A world of twenty peers in bad weather, and a job of a dozen small frames. */
export const ROUGH_WORLD: Omit<WorldInit, 'seed'> = {
  nodeCount: 19,
  liarCount: 2,
  weather: { lossBps: 200, duplicateBps: 100, latencyMsMin: 1, latencyMsMax: 40 },
  crashEveryMs: 30_000,
  downMsMax: 5_000,
  job: {
    name: 'rough',
    scene: 'scene.glb',
    frames: '1-12',
    widthPx: 16,
    heightPx: 8,
    samplesPerPixel: 4
  },
  workUnitsPerMs: 0.2,
  params: params.minimal
}

/** The same without any weather. */
export const CALM_WORLD: Omit<WorldInit, 'seed'> = {
  ...ROUGH_WORLD,
  weather: FAIR_WEATHER,
  crashEveryMs: 0
}

/** A machine of the world: its disk and its key outlive the processes that run on it. */
interface Host {
  readonly name: string
  readonly identity: Identity
  readonly account: string
  readonly disk: MemoryStore
  readonly liar: boolean
  readonly creator: boolean
  process: { readonly peer: Peer; readonly clock: HostClock; readonly store: ProcessStore } | undefined
}

/** What a world came to. */
export interface WorldOutcome {
  readonly seed: number
  readonly report: JobReport | undefined
  readonly virtualMs: number
  readonly messageCount: number
  readonly crashCount: number
  readonly violations: readonly string[]
}

/** Builds a world from its seed, lets it live, and checks the invariants. */
export class World {
  readonly clock = new VirtualClock(EPOCH_MS)
  readonly network: VirtualNetwork
  readonly chain: MemoryChain
  readonly ipfs: VirtualIpfs
  readonly hosts: readonly Host[]
  readonly #chance: SeededChance
  readonly #keys = new VirtualKeys()
  readonly #memo = new WireMemo()
  readonly #beaconSeed: Uint8Array
  readonly #registry: StaticRegistry
  readonly #init: WorldInit
  #crashCount = 0
  #report: JobReport | undefined

  constructor(init: WorldInit) {
    this.#init = init
    this.#chance = new SeededChance(init.seed)
    this.network = new VirtualNetwork(
      { clock: this.clock, chance: this.#chance.fork() },
      { weather: init.weather }
    )
    this.chain = new MemoryChain({
      chainId: CHAIN_ID,
      split: PAYOUT_SPLIT,
      nowMs: () => this.clock.nowMs()
    })
    this.ipfs = new VirtualIpfs(this.clock)
    const host = (index: number): Host => this.#host(index)
    this.hosts = Array.from({ length: init.nodeCount + 1 }, (_, index) => host(index))
    this.chain.fund(this.hosts[0]!.account, FUNDS)
    this.#beaconSeed = this.#chance.bytes(32)
    this.#registry = new StaticRegistry({
      epochS: EPOCH_S,
      entries: this.hosts.slice(1).map(({ identity, account, name }) => ({
        peer: identity.peerId,
        account,
        stake: STAKE,
        classes: [],
        operatorTag: name,
        sinceEpoch: 0
      })),
      nowMs: () => this.clock.nowMs()
    })
  }

  /** Live until the job is settled, at most `untilMs` of virtual time. */
  async run(untilMs: number): Promise<WorldOutcome> {
    const startedAtMs = this.clock.nowMs()
    for (const host of this.hosts) this.#boot(host)
    const creator = this.hosts[0]!
    this.clock.after(1, () => {
      void this.#publish(creator)
    })
    await this.clock.until(() => this.#report !== undefined, untilMs)
    const outcome = {
      seed: this.#init.seed,
      report: this.#report,
      virtualMs: this.clock.nowMs() - startedAtMs,
      messageCount: this.network.messageCount,
      crashCount: this.#crashCount,
      violations: await this.#violations()
    }
    for (const host of this.hosts) this.#kill(host)
    return outcome
  }

  #host(index: number): Host {
    const publicKey = this.#chance.bytes(32)
    const peerId: PeerId = peerIdOf(publicKey)
    return {
      name: index === 0 ? 'creator' : `node-${index}`,
      identity: this.#keys.identity(peerId, this.#chance.bytes(32)),
      account: toAccount(toHex(this.#chance.bytes(20)))!,
      disk: new MemoryStore(),
      liar: index > 0 && index <= this.#init.liarCount,
      creator: index === 0,
      process: undefined
    }
  }

  #boot(host: Host): void {
    const { params, workUnitsPerMs } = this.#init
    const clock = new HostClock(this.clock)
    const store = new ProcessStore(host.disk)
    const context: WireContext = {
      identity: host.identity,
      chainId: CHAIN_ID,
      netId: NET_ID,
      memo: this.#memo
    }
    let peer: Peer | undefined
    const swarm = this.network.join(host.identity.peerId, (key, value) =>
      judgeCertRecord(key, value, job => peer?.offers.get(job)?.witnesses, context)
    )
    this.ipfs.setDown(host.identity.peerId, false)
    const chance = this.#chance.fork()
    const honest = new VirtualRunner({ clock }, { unitsPerMs: workUnitsPerMs, concurrency: 1 })
    peer = new Peer(
      {
        clock,
        chance,
        context,
        store,
        network: swarm,
        records: swarm,
        assets: this.ipfs.join(host.identity.peerId, { clock }),
        chain: this.chain.viewOf(host.account),
        registry: this.#registry,
        beacon: new SeededBeacon({ seed: this.#beaconSeed, chain: this.chain.viewOf(host.account) }),
        runners: [host.liar ? lyingRunner(honest, chance) : honest],
        log: SILENT
      },
      {
        params,
        ...(host.creator
          ? {}
          : {
              node: {
                account: host.account,
                pricePerMegaUnitMin: 1n,
                memoryBytes: 8 * GIB,
                workloads: ['render' as const],
                creatorScoreMinBps: 0
              }
            })
      }
    )
    host.process = { peer, clock, store }
    peer.events.on('job:settled', () => {
      this.#report = peer.creator.jobs().find(run => run.report !== undefined)?.report ?? this.#report
    })
    void peer.start()
    if (this.#init.crashEveryMs > 0) this.#scheduleCrash(host)
  }

  /** The process vanishes between two instructions: no timer, message or write of it has any effect any more. */
  #kill(host: Host): void {
    host.process?.clock.stop()
    host.process?.store.stop()
    host.process = undefined
    this.network.leave(host.identity.peerId)
    this.ipfs.setDown(host.identity.peerId, true)
  }

  #scheduleCrash(host: Host): void {
    const afterMs = -Math.log(1 - this.#chance.unit()) * this.#init.crashEveryMs
    const { process } = host
    this.clock.after(afterMs, () => {
      if (host.process !== process) return
      this.#crashCount++
      this.#kill(host)
      this.clock.after(this.#chance.unit() * this.#init.downMsMax, () => this.#boot(host))
    })
  }

  /** Publish, and again after each crash that came before the offer was on the creator's disk. */
  async #publish(host: Host): Promise<void> {
    this.clock.after(1_000, () => {
      const under = host.process?.peer.creator.jobs().length ?? 0
      if (this.#report === undefined && under === 0) void this.#publish(host)
    })
    const scene = {
      path: 'scene.glb',
      read: async function* () {
        yield new Uint8Array([1, 2, 3])
      }
    }
    await host.process?.peer
      .publish({
        sources: [scene],
        ...(this.#init.witness && { witness: this.#init.witness }),
        spec: ({ manifest, assetsSizeBytes, creator }): JobSpec =>
          jobSpecOf(this.#init.job, { creator, manifest, assetsSizeBytes, nonce: 0 })
      })
      .catch(() => undefined)
  }

  /** What must hold in every world. */
  async #violations(): Promise<string[]> {
    const report = this.#report
    if (report === undefined) return ['the job was not settled']
    const violations: string[] = []
    if (report.acceptedCount !== report.subtaskCount)
      violations.push(`${report.acceptedCount} of ${report.subtaskCount} subtasks accepted`)
    const paid = new Set<string>()
    for (const { replica, node } of report.receipts) {
      for (const key of [`${replica.subtask}/${replica.replica}`, `${replica.subtask}/${node}`]) {
        if (paid.has(key)) violations.push(`paid twice: ${key}`)
        paid.add(key)
      }
    }
    const liars = new Set(this.hosts.filter(host => host.liar).map(host => host.identity.peerId))
    for (const receipt of report.receipts)
      if (liars.has(receipt.node)) violations.push(`a liar was paid: subtask ${receipt.replica.subtask}`)
    const { outcome } = report
    const sum = outcome.paid + outcome.burned + outcome.treasury + outcome.refunded
    if (sum !== report.locked) violations.push(`locked ${report.locked}, accounted for ${sum}`)
    for (const host of this.hosts) {
      const credit = await this.chain.viewOf(host.account).creditOf(host.account)
      const reported = outcome.credits.find(c => c.account === host.account)?.amount ?? 0n
      if (credit !== reported) violations.push(`${host.name}: credit ${credit}, reported ${reported}`)
    }
    return violations
  }
}
