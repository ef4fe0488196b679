import type { Chance, Clock, PeerId } from '@rayswarm/interface'
import { WITNESS_VIEW_COUNT_MAX } from '@rayswarm/params'
import type { HostClock, VirtualNetwork } from '@rayswarm/simulation'
import type { Faults, PlannedFault } from './world-init.ts'

/** A machine that faults can happen to. */
export interface Victim {
  readonly peerId: PeerId
  readonly clock: HostClock
  readonly creator: boolean
  /** Mean time between crashes, when it is its own. */
  readonly crashEveryMs?: number
}

/** What a fault does to the world. */
export interface FaultHandles {
  /** End the machine's process; it comes back after that long, or never. */
  readonly crash: (victim: Victim, downMs: number | undefined) => void
  /** Let the machine's process stop in good order; it comes back after that long, or never. */
  readonly stop: (victim: Victim, downMs: number | undefined) => void
  readonly isUp: (victim: Victim) => boolean
  /** A view of the job's witnesses, once they are drawn. */
  readonly witnesses: (view: number) => readonly PeerId[]
  readonly setPaused: (victim: Victim, paused: boolean, jump: boolean) => void
}

const BPS = 10_000

/** Makes things go wrong: by chance, at the rates of the world, and at fixed instants. */
export class FaultMaker {
  readonly #clock: Clock
  readonly #chance: Chance
  readonly #network: VirtualNetwork
  readonly #victims: readonly Victim[]
  readonly #handles: FaultHandles
  #partitionCount = 0

  constructor(
    world: { clock: Clock; chance: Chance; network: VirtualNetwork; victims: readonly Victim[] },
    handles: FaultHandles
  ) {
    this.#clock = world.clock
    this.#chance = world.chance
    this.#network = world.network
    this.#victims = world.victims
    this.#handles = handles
  }

  start(faults: Faults, plan: readonly PlannedFault[]): void {
    for (const victim of this.#victims) {
      this.#repeat(victim.crashEveryMs ?? faults.crashEveryMs, () => {
        if (this.#handles.isUp(victim)) this.#handles.crash(victim, this.#chance.unit() * faults.downMsMax)
      })
      this.#repeat(faults.stopEveryMs, () => {
        if (this.#handles.isUp(victim)) this.#handles.stop(victim, this.#chance.unit() * faults.downMsMax)
      })
      this.#repeat(faults.pauseEveryMs, () => this.#pause(victim, this.#chance.unit() * faults.pauseMsMax))
    }
    this.#repeat(faults.cutEveryMs, () => this.#cut(this.#chance.unit() * faults.cutMsMax))
    this.#repeat(faults.partitionEveryMs, () => this.#part(this.#chance.unit() * faults.partitionMsMax))
    for (const planned of plan) this.#clock.after(planned.atMs, () => this.#carryOut(planned))
  }

  /** Again and again, with that mean time in between; never for 0. */
  #repeat(everyMs: number, fn: () => void): void {
    if (everyMs === 0) return
    this.#clock.after(-Math.log(1 - this.#chance.unit()) * everyMs, () => {
      fn()
      this.#repeat(everyMs, fn)
    })
  }

  #carryOut({ fault, forMs, shareBps = BPS, count = 0, view = 0 }: PlannedFault): void {
    if (fault === 'partition') return this.#part(forMs)
    const creator = this.#victims.find(victim => victim.creator)!
    if (fault === 'creator-down') return this.#handles.crash(creator, forMs)
    if (fault === 'creator-stops') return this.#handles.stop(creator, forMs)
    if (fault === 'witnesses-down') return this.#witnessesDown(view, count, forMs)
    if (fault === 'views-down') return this.#viewsDown(forMs)
    if (fault === 'deaf-creator') {
      for (const { peerId } of this.#victims) this.#cutFor(peerId, creator.peerId, forMs)
      return
    }
    for (const victim of this.#victims)
      if (!victim.creator && this.#chance.unit() * BPS < shareBps) this.#handles.crash(victim, forMs)
  }

  #witnessesDown(view: number, count: number, forMs: number | undefined): void {
    const members = this.#handles.witnesses(view).map(member => ({ member, place: this.#chance.unit() }))
    const down = members.sort((a, b) => a.place - b.place).slice(0, count)
    for (const { member } of down)
      for (const victim of this.#victims) if (victim.peerId === member) this.#handles.crash(victim, forMs)
  }

  /**
   * The last view comes back, half of the others do not, nor do half of the creators. None but the last could be spared: who closed
   * something and is gone leaves the job to views after it.
   */
  #viewsDown(forMs = 0): void {
    const unit = (): number => this.#chance.unit()
    for (let view = 0; view < WITNESS_VIEW_COUNT_MAX; view++) {
      const isLast = view === WITNESS_VIEW_COUNT_MAX - 1
      const downMs = !isLast && unit() < 0.5 ? undefined : unit() * forMs
      this.#clock.after(unit() * forMs, () => {
        const { length } = this.#handles.witnesses(view)
        this.#witnessesDown(view, Math.ceil((0.4 + 0.6 * unit()) * length), downMs)
      })
    }
    const creator = this.#victims.find(victim => victim.creator)!
    if (unit() < 0.5) this.#clock.after(unit() * forMs, () => this.#handles.crash(creator, undefined))
  }

  #pause(victim: Victim, forMs: number): void {
    if (victim.clock.paused || !this.#handles.isUp(victim)) return
    const jump = this.#chance.unit() < 0.5
    this.#handles.setPaused(victim, true, jump)
    this.#clock.after(forMs, () => this.#handles.setPaused(victim, false, jump))
  }

  #cut(forMs: number): void {
    const [from, to] = [this.#pick(), this.#pick()]
    if (from !== to) this.#cutFor(from.peerId, to.peerId, forMs)
  }

  #cutFor(from: PeerId, to: PeerId, forMs: number | undefined): void {
    if (from === to) return
    this.#network.setCut(from, to, true)
    if (forMs !== undefined) this.#clock.after(forMs, () => this.#network.setCut(from, to, false))
  }

  /** Two sides of random sizes. A later partition ends an earlier one. */
  #part(forMs: number | undefined): void {
    const share = 0.2 + 0.6 * this.#chance.unit()
    this.#network.partition(
      new Map(this.#victims.map(({ peerId }) => [peerId, this.#chance.unit() < share ? 0 : 1]))
    )
    const count = ++this.#partitionCount
    if (forMs === undefined) return
    this.#clock.after(forMs, () => {
      if (this.#partitionCount === count) this.#network.heal()
    })
  }

  #pick(): Victim {
    return this.#victims[Math.floor(this.#chance.unit() * this.#victims.length)]!
  }
}
