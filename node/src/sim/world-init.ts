import type { WitnessRule } from '@rayswarm/interface'
import { type Params, params } from '@rayswarm/params'
import type { PublishRequest } from '@rayswarm/peer'
import { FAIR_WEATHER, type Weather } from '@rayswarm/simulation'
import { type JobFile, jobSpecOf } from '@rayswarm/workload'
import type { AdversaryKind } from './adversaries.ts'

/** Faults that come by chance, all drawn from the world's seed. Zero means never. */
export interface Faults {
  /** Mean time between crashes of one peer; the creator crashes too. */
  readonly crashEveryMs: number
  /** Mean time between stops of one peer in good order, as at Ctrl+C. */
  readonly stopEveryMs: number
  /** How long a crashed or stopped peer stays away, at most. */
  readonly downMsMax: number
  /** Mean number of writes after which a process dies in the middle of one: half of them before it took effect, half after. */
  readonly crashEveryWrites: number
  /** Mean time between pauses of one machine. Half of them leave its clock behind. */
  readonly pauseEveryMs: number
  readonly pauseMsMax: number
  /** Clocks run this much faster or slower at most, in parts of 10 000. */
  readonly driftBpsMax: number
  /** Clocks are this far apart from the world's at most when it begins. */
  readonly skewMsMax: number
  /** Mean time between cuts of one direction between two peers. */
  readonly cutEveryMs: number
  readonly cutMsMax: number
  /** Mean time between partitions of all peers into two sides. */
  readonly partitionEveryMs: number
  readonly partitionMsMax: number
  /** How long a write takes, at most. */
  readonly diskLatencyMsMax: number
  /** Share of writes that the disk refuses, in parts of 10 000. */
  readonly diskFullBps: number
}

/** Nothing ever goes wrong. */
export const NO_FAULTS: Faults = {
  crashEveryMs: 0,
  stopEveryMs: 0,
  downMsMax: 0,
  crashEveryWrites: 0,
  pauseEveryMs: 0,
  pauseMsMax: 0,
  driftBpsMax: 0,
  skewMsMax: 0,
  cutEveryMs: 0,
  cutMsMax: 0,
  partitionEveryMs: 0,
  partitionMsMax: 0,
  diskLatencyMsMax: 0,
  diskFullBps: 0
}

/** A fault at a fixed instant, counted from the world's beginning. */
export interface PlannedFault {
  readonly atMs: number
  /** Ends after this long; never when absent. */
  readonly forMs?: number
  readonly fault:
    | 'partition' // two sides, drawn by chance
    | 'creator-down'
    | 'creator-stops' // in good order
    | 'nodes-down' // the given share of the nodes
    | 'witnesses-down' // so many of one view of the job's witnesses
    | 'views-down' // at any instant from now on: more than it bears of each view, for a while or, but for the last, for good
    | 'deaf-creator' // nothing reaches the creator, everything it says arrives
  /** For `nodes-down`: how many of them, in parts of 10 000. */
  readonly shareBps?: number
  /** For `witnesses-down`: how many of which view. */
  readonly count?: number
  readonly view?: number
}

/** Peers that do not keep to the protocol. */
export interface AdversaryCount {
  readonly kind: AdversaryKind
  readonly count: number
  /** For drawn ones: of one view, whichever, and not of the first. */
  readonly anyView?: true
}

/** One virtual world: who lives in it, and how hard their life is. */
export interface WorldInit {
  readonly seed: number
  /** Nodes; the creator is one more peer. */
  readonly nodeCount: number
  /** The first nodes that attest wrong results: short for as many adversaries of the kind `garbage`. */
  readonly liarCount?: number
  /** Taken from the nodes, in this order. */
  readonly adversaries?: readonly AdversaryCount[]
  readonly weather: Weather
  readonly faults: Faults
  readonly plan?: readonly PlannedFault[]
  readonly job: JobFile
  readonly workUnitsPerMs: number
  readonly params: Params
  /** Who grants and closes replicas: the creator alone (1 of 1, also when absent), or so many of the drawn nodes. */
  readonly witness?: WitnessRule
  /** False: every peer decodes and verifies for itself what another has decoded already. The same world, slower. */
  readonly sharesWork?: boolean
  /**
   * What must become of the job. `complete`: every subtask is accepted and paid. `safe`: whatever happens, nobody is paid twice
   * or for a wrong result, and no token is lost.
   */
  readonly expect?: 'complete' | 'safe'
}

const SMALL_JOB: JobFile = {
  name: 'rough',
  scene: 'scene.glb',
  frames: '1-12',
  widthPx: 16,
  heightPx: 8,
  samplesPerPixel: 4
}

/** A world of twenty peers, a job of a dozen small frames, and no trouble but two liars. */
export const CALM_WORLD: Omit<WorldInit, 'seed'> = {
  nodeCount: 19,
  liarCount: 2,
  weather: FAIR_WEATHER,
  faults: NO_FAULTS,
  job: SMALL_JOB,
  workUnitsPerMs: 0.2,
  params: params.minimal
}

/** The same in bad weather, with crashes. */
export const ROUGH_WORLD: Omit<WorldInit, 'seed'> = {
  ...CALM_WORLD,
  weather: { lossBps: 200, duplicateBps: 100, latencyMsMin: 1, latencyMsMax: 40 },
  faults: { ...NO_FAULTS, crashEveryMs: 30_000, downMsMax: 5_000 }
}

/** The job of a world, as its creator publishes it. */
export function requestOf({ job, witness = { witnessCount: 1, quorum: 1 } }: WorldInit): PublishRequest {
  const read = async function* () {
    yield new Uint8Array([1, 2, 3])
  }
  return {
    sources: [{ path: 'scene.glb', read }],
    witness,
    spec: assets => jobSpecOf(job, { ...assets, nonce: 0 })
  }
}
