import { setMaxListeners } from 'node:events'
import { SeededBeacon, StaticRegistry } from '@rayswarm/chain/genesis'
import type {
  Amount,
  EscrowRef,
  Log,
  PeerEvents,
  PeerId,
  Receipt,
  SettlementOrder
} from '@rayswarm/interface'
import { judgeCertRecord, membersOf, viewCountOf } from '@rayswarm/lease'
import { priceOf } from '@rayswarm/market'
import { OUTBOUND_REQUESTS_MAX, PAYOUT_SPLIT } from '@rayswarm/params'
import { type JobReport, Peer, type PeerComponents } from '@rayswarm/peer'
import {
  MemoryChain,
  ProcessClock,
  type ProcessStore,
  SeededChance,
  Trace,
  type TraceRecord,
  VIRTUAL_CLASS,
  VirtualClock,
  VirtualIpfs,
  VirtualNetwork,
  VirtualRunner
} from '@rayswarm/simulation'
import { type WireContext, WireMemo } from '@rayswarm/wire'
import { split } from '@rayswarm/workload'
import { captive, type Plot } from './adversaries/captured.ts'
import { ADVERSARIES } from './adversaries.ts'
import { ChainWatch, type Settled } from './chain-watch.ts'
import { type Books, violationsOf } from './checks.ts'
import { FaultMaker, type Victim } from './fault-maker.ts'
import { adversaryOf, diskOf, type Host, hostsOf, nodeSettingsOf } from './host.ts'
import { PEER_EVENTS, wordsOf } from './peer-events.ts'
import { Watch } from './watch.ts'
import { requestOf, type WorldInit } from './world-init.ts'

const CHAIN_ID = 31_337
const NET_ID = 'virtual'
/** The registry's epochs; every node was registered long ago. */
const EPOCH_S = 3_600
const STAKE: Amount = 1_000_000n
const FUNDS: Amount = 1_000_000_000_000n
/** A world begins at a plausible instant, so that nothing depends on zero. */
const EPOCH_MS = 1_700_000_000_000
/** A creator that lives has this long to say how its job ended. */
const REPORT_MS_MAX = 5_000
/** From the end of a peer to the end of its process. */
const STOP_MS = 100
/** A creator tries again to publish, until its offer is on its disk. */
const PUBLISH_RETRY_MS = 1_000

// Every request and every sleep of a peer listens for its end.
setMaxListeners(OUTBOUND_REQUESTS_MAX)

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {} }

/** What a world came to. */
export interface WorldOutcome {
  readonly seed: number
  readonly report: JobReport | undefined
  readonly virtualMs: number
  readonly messageCount: number
  readonly crashCount: number
  /** Equal for worlds that went the same way. */
  readonly traceHash: string
  readonly violations: readonly string[]
}

/** Builds a world from its seed, lets it live, and checks the invariants. */
export class World {
  readonly clock = new VirtualClock(EPOCH_MS)
  readonly network: VirtualNetwork
  readonly chain: MemoryChain
  readonly ipfs: VirtualIpfs
  readonly hosts: readonly Host[]
  readonly trace: Trace
  readonly #chance: SeededChance
  readonly #memo: WireMemo | undefined
  readonly #watch: Watch
  readonly #registry: StaticRegistry
  readonly #beaconSeed: Uint8Array
  readonly #init: WorldInit
  #crashCount = 0
  #report: JobReport | undefined
  #books: Books | undefined
  #published = false
  readonly #chainWatch: ChainWatch
  readonly #plot: Plot = { bought: new Set(), priceCap: () => 0n }

  constructor(init: WorldInit, onRecord?: (record: TraceRecord) => void) {
    this.#init = init
    this.#chance = new SeededChance(init.seed)
    this.#memo = init.sharesWork === false ? undefined : new WireMemo()
    const { clock } = this
    this.trace = new Trace({ nowMs: () => clock.nowMs(), ...(onRecord === undefined ? {} : { onRecord }) })
    this.network = new VirtualNetwork(
      { clock, chance: this.#chance.fork(), trace: this.trace },
      { weather: init.weather }
    )
    this.chain = new MemoryChain({ chainId: CHAIN_ID, split: PAYOUT_SPLIT, nowMs: () => clock.nowMs() })
    this.#chainWatch = new ChainWatch(this.chain)
    this.ipfs = new VirtualIpfs(clock, { reaches: (from, of) => this.network.reaches(from, of) })
    this.hosts = hostsOf(init, clock, this.#chance)
    this.chain.fund(this.hosts[0]!.account, FUNDS)
    this.#registry = new StaticRegistry({
      epochS: EPOCH_S,
      entries: this.hosts.slice(1).map(({ peerId, account, name }) => ({
        peer: peerId,
        account,
        stake: STAKE,
        classes: [VIRTUAL_CLASS],
        operatorTag: name,
        sinceEpoch: 0
      })),
      nowMs: () => clock.nowMs()
    })
    this.#beaconSeed = this.#chance.bytes(32)
    const faithless = new Set(this.hosts.filter(host => host.kind !== undefined).map(host => host.peerId))
    this.#watch = new Watch(
      this.#contextOf(this.hosts[0]!),
      peer => !faithless.has(peer) && !this.#plot.bought.has(peer)
    )
    this.network.onReply((protocol, bytes, from, to) => {
      if (protocol === 'lease') this.#watch.onLeaseReply(bytes, from, to)
    })
    this.network.onRequest((protocol, bytes) => {
      if (protocol === 'verification') this.#watch.onVerification(bytes)
    })
  }

  /** Live until the job is settled, at most `untilMs` of virtual time. */
  async run(untilMs: number): Promise<WorldOutcome> {
    const startedAtMs = this.clock.nowMs()
    for (const host of this.hosts) this.#boot(host)
    this.#makeFaults()
    this.clock.after(1, () => {
      void this.#publish(this.hosts[0]!)
    })
    const watch = this.#chainWatch
    await this.clock.until(() => watch.settled !== undefined || watch.refunded, untilMs)
    const endedAtMs = this.clock.nowMs()
    await this.clock.until(() => this.#report !== undefined, REPORT_MS_MAX)
    const outcome = {
      seed: this.#init.seed,
      report: this.#report,
      virtualMs: endedAtMs - startedAtMs,
      messageCount: this.network.messageCount,
      crashCount: this.#crashCount,
      traceHash: this.trace.hash(),
      violations: await this.#violations()
    }
    for (const host of this.hosts) this.#kill(host)
    return outcome
  }

  #contextOf({ identity }: Host): WireContext {
    const context = { identity, chainId: CHAIN_ID, netId: NET_ID }
    return this.#memo === undefined ? context : { ...context, memo: this.#memo }
  }

  #boot(host: Host): void {
    if (host.gone || this.network.isOnline(host.peerId)) return
    this.trace.add('boot', host.peerId, host.name)
    this.ipfs.setDown(host.peerId, false)
    const adversary = adversaryOf(host.kind)
    const clock = new ProcessClock(host.clock)
    const context = this.#contextOf(host)
    const chance = this.#chance.fork()
    if (adversary.live !== undefined) {
      const network = this.network.join(host.peerId, { clock })
      const peers = (): PeerId[] => this.hosts.filter(other => other !== host).map(other => other.peerId)
      return adversary.live({ clock, chance, network, peers })
    }
    const components = this.#componentsOf(host, { clock, chance, context })
    const wrapped = captive(adversary.wrap?.(components, this.#plot) ?? components, this.#plot)
    const peer = new Peer(wrapped, {
      params: this.#init.params,
      ...(host.creator ? {} : { node: nodeSettingsOf(host.account) })
    })
    host.process = { peer, clock, store: components.store }
    this.#listen(host, peer)
    // A disk that refuses its first reads or writes: the process starts again later, as an operator's would.
    peer.start().catch(() => this.#crash(host, this.#init.faults.downMsMax))
  }

  #componentsOf(
    host: Host,
    { clock, chance, context }: { clock: ProcessClock; chance: SeededChance; context: WireContext }
  ): PeerComponents & { store: ProcessStore } {
    const runner = new VirtualRunner({ clock }, { unitsPerMs: this.#init.workUnitsPerMs, concurrency: 1 })
    const swarm = this.network.join(host.peerId, {
      clock,
      validateRecord: (key, value) =>
        judgeCertRecord(key, value, job => host.process?.peer.offers.get(job)?.witnesses, context)
    })
    const chain = this.#chainWatch.viewOf(host.account, settled => this.#keepBooks(host, settled))
    return {
      clock,
      chance,
      context,
      store: diskOf(
        host,
        { clock, chance: this.#chance.fork(), faults: this.#init.faults, trace: this.trace },
        downMs => this.#crash(host, downMs)
      ),
      network: swarm,
      records: swarm,
      assets: this.ipfs.join(host.peerId, { clock }),
      chain,
      registry: this.#registry,
      beacon: new SeededBeacon({ seed: this.#beaconSeed, chain }),
      runners: [runner],
      log: SILENT
    }
  }

  #listen(host: Host, peer: Peer): void {
    for (const name of PEER_EVENTS)
      peer.events.on(name, (event: PeerEvents[typeof name]) => {
        // A dead process says nothing.
        if (host.process?.peer === peer) this.trace.add('event', host.peerId, wordsOf(name, event))
      })
    peer.events.on('job:settled', () => {
      this.#report = peer.creator.jobs().find(run => run.report !== undefined)?.report ?? this.#report
    })
  }

  /** The process vanishes between two instructions: no timer, message or write of it has any effect any more. */
  #kill(host: Host): void {
    host.process?.clock.stop()
    host.process?.store.stop()
    host.process = undefined
    this.network.leave(host.peerId)
    this.ipfs.setDown(host.peerId, true)
  }

  /** End the process; another one starts after a while, or none ever. */
  #crash(host: Host, downMs: number | undefined): void {
    if (this.network.isOnline(host.peerId)) {
      this.#crashCount++
      this.trace.add('crash', host.peerId, host.name)
      this.#kill(host)
    }
    this.#bootAfter(host, downMs)
  }

  #bootAfter(host: Host, downMs: number | undefined): void {
    if (downMs === undefined) host.gone = true
    else this.clock.after(downMs, () => this.#boot(host))
  }

  /** Let the process stop in good order, and end it then; another one starts after a while. */
  #stop(host: Host, downMs: number | undefined): void {
    const { process } = host
    if (process === undefined) return
    this.trace.add('stop', host.peerId, host.name)
    const end = (): void => {
      if (host.process !== process) return
      this.#kill(host)
      this.#bootAfter(host, downMs)
    }
    // Its last answers still go out.
    const leave = (): unknown => this.clock.after(STOP_MS, end)
    process.peer.stop().then(leave, leave)
  }

  #makeFaults(): void {
    const { clock, network } = this
    const world = { clock, network, chance: this.#chance.fork(), victims: this.hosts }
    const hostOf = (victim: Victim): Host => this.hosts.find(host => host.peerId === victim.peerId)!
    const maker = new FaultMaker(world, {
      crash: (victim, downMs) => this.#crash(hostOf(victim), downMs),
      stop: (victim, downMs) => this.#stop(hostOf(victim), downMs),
      isUp: ({ peerId }) => network.isOnline(peerId),
      setPaused: (victim, paused, jump) => this.#setPaused(hostOf(victim), paused, jump),
      witnesses: view => this.#witnesses(view)
    })
    maker.start(this.#init.faults, this.#init.plan ?? [])
  }

  /** As anybody knows them who has the offer. */
  #witnesses(view: number): readonly PeerId[] {
    for (const { process } of this.hosts)
      for (const { witnesses } of process?.peer.offers.open() ?? []) return membersOf(witnesses, view)
    return []
  }

  #setPaused(host: Host, paused: boolean, jump: boolean): void {
    this.trace.add(paused ? 'pause' : 'resume', host.peerId, host.name)
    if (paused) host.clock.pause()
    else host.clock.resume({ jump })
    this.network.setPaused(host.peerId, paused)
    this.ipfs.setDown(host.peerId, paused || !this.network.isOnline(host.peerId))
  }

  /** Publish, and again after each crash that came before the offer was on the creator's disk. */
  async #publish(host: Host): Promise<void> {
    const under = host.process?.peer.creator.jobs().length ?? 0
    if (this.#report !== undefined || under > 0) return this.#onPublished(host)
    this.clock.after(PUBLISH_RETRY_MS, () => {
      void this.#publish(host)
    })
    await host.process?.peer.publish(requestOf(this.#init)).catch(() => undefined)
  }

  /** The offer is on the creator's disk: what was planned for that moment happens. */
  #onPublished(host: Host): void {
    if (this.#published) return
    this.#published = true
    for (const { kind, count, anyView } of this.#init.adversaries ?? []) {
      const { isDrawn, creatorGoneAfterMs } = ADVERSARIES[kind]
      if (isDrawn === true) this.#capture(host, count, anyView)
      if (creatorGoneAfterMs !== undefined)
        this.clock.after(creatorGoneAfterMs, () => this.#crash(host, undefined))
    }
  }

  #capture(host: Host, count: number, anyView = false): void {
    const [offer] = host.process!.peer.offers.open()
    if (offer === undefined) return
    const { spec } = offer.signed.body
    const subtasks = split(spec)
    this.#plot.priceCap = ({ subtask }) => priceOf(subtasks[subtask]!.workUnits, spec.pricePerMegaUnitMax)
    const view = anyView ? Math.floor(this.#chance.unit() * viewCountOf(offer.witnesses)) : 0
    const members = [...membersOf(offer.witnesses, view)]
    for (let i = 0; i < count && members.length > 0; i++) {
      const [bought] = members.splice(Math.floor(this.#chance.unit() * members.length), 1)
      this.#plot.bought.add(bought!)
    }
  }

  /** What whoever settled knew when it did. */
  #keepBooks(host: Host, { order }: Settled): void {
    const peer = host.process?.peer
    const isIt = (escrow: EscrowRef): boolean => escrow.id === order.escrow.id
    const run = peer?.creator.jobs().find(({ offer }) => isIt(offer.signed.body.escrow))
    const witnessed = peer?.judge.jobs().find(({ init }) => isIt(init.offer.signed.body.escrow))
    const state = run?.driver.state ?? witnessed?.state
    if (state === undefined) return
    this.#books = {
      subtaskCount: state.tracks.length,
      acceptedCount: state.count('accepted'),
      ...(run === undefined && witnessed !== undefined ? receiptsOf(witnessed.order(), order) : {})
    }
  }

  async #violations(): Promise<string[]> {
    const { chain, hosts } = this
    const view = chain.viewOf(hosts[0]!.account)
    const accounts = []
    for (const { name, peerId, account } of hosts)
      accounts.push({
        name,
        peer: peerId,
        account,
        balance: await view.balanceOf(account),
        credit: await view.creditOf(account)
      })
    const undeserving = hosts.filter(({ kind }) => adversaryOf(kind).earnsNothing).map(host => host.peerId)
    const { settled } = this.#chainWatch
    const report = this.#report
    const books: Books | undefined = this.#books && {
      ...this.#books,
      // A job that its creator and its witnesses end at once has two books, and one of them counts.
      ...(report !== undefined && report.ownReceiptsRoot === undefined ? { receipts: report.receipts } : {})
    }
    return violationsOf({
      expect: this.#init.expect ?? 'complete',
      ...(settled === undefined ? {} : { settled }),
      ...(books === undefined ? {} : { books }),
      undeserving: new Set(undeserving),
      accounts,
      contractBalance: await view.balanceOf(chain.contract),
      treasuryBalance: await view.balanceOf(chain.treasury),
      minted: FUNDS,
      supply: chain.supply,
      earned: this.#watch.earned(),
      overheard: this.#watch.violations
    })
  }
}

/** The receipts behind a settlement, unless evidence has come since it was signed. */
function receiptsOf(
  now: { readonly order: SettlementOrder; readonly receipts: readonly Receipt[] },
  settled: SettlementOrder
): { receipts?: readonly Receipt[] } {
  return now.order.receiptsRoot === settled.receiptsRoot ? { receipts: now.receipts } : {}
}
