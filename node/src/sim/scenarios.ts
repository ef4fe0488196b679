import type { WitnessRule } from '@rayswarm/interface'
import { FAIR_WEATHER, type Weather } from '@rayswarm/simulation'
import { CALM_WORLD, type Faults, NO_FAULTS, type WorldInit } from './world-init.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const QUARTER_MS = 15 * MINUTE_MS

/** A kind of world, by name. */
export interface Scenario {
  readonly name: string
  /** What happens in it, in one line. */
  readonly about: string
  readonly world: Omit<WorldInit, 'seed'>
  /** Virtual time after which a world is given up. */
  readonly untilMs: number
}

const DRAWN: WitnessRule = { witnessCount: 7, quorum: 5 }
const BAD_WEATHER: Weather = {
  lossBps: 200,
  duplicateBps: 100,
  latencyMsMin: 1,
  latencyMsMax: 40,
  lateBps: 100,
  lateMsMax: 3 * SECOND_MS
}

const BASE: Omit<WorldInit, 'seed'> = { ...CALM_WORLD, witness: DRAWN }

interface Sketch extends Partial<Omit<WorldInit, 'seed' | 'faults'>> {
  readonly about: string
  readonly faults?: Partial<Faults>
  readonly untilMs?: number
}

const SKETCHES: Readonly<Record<string, Sketch>> = {
  calm: { about: 'fair weather, two liars' },
  rough: {
    about: 'loss, duplication, messages that overtake each other, crashes',
    weather: BAD_WEATHER,
    faults: { crashEveryMs: 30 * SECOND_MS, downMsMax: 5 * SECOND_MS }
  },
  churn: {
    about: 'every peer crashes every ten seconds, for up to ten more',
    weather: BAD_WEATHER,
    faults: { crashEveryMs: 10 * SECOND_MS, downMsMax: 10 * SECOND_MS }
  },
  restarts: {
    about: 'every peer stops in good order every ten seconds, for up to three',
    weather: BAD_WEATHER,
    faults: { stopEveryMs: 10 * SECOND_MS, downMsMax: 3 * SECOND_MS }
  },
  'creator-restarts': {
    about:
      'a creator that is its only witness stops in good order every second; no honest node can be spared',
    nodeCount: 3,
    liarCount: 1,
    witness: { witnessCount: 1, quorum: 1 },
    plan: Array.from({ length: 40 }, (_, i) => ({
      ...{ atMs: (i + 1) * SECOND_MS, forMs: SECOND_MS / 4 },
      fault: 'creator-stops' as const
    }))
  },
  'torn-writes': {
    about: 'processes die in the middle of a write, before or after it took effect',
    weather: BAD_WEATHER,
    faults: { crashEveryWrites: 60, downMsMax: 3 * SECOND_MS }
  },
  drift: {
    about: 'clocks up to 50 % too fast or too slow, and up to 20 s apart',
    weather: BAD_WEATHER,
    faults: { driftBpsMax: 5_000, skewMsMax: 20 * SECOND_MS }
  },
  pauses: {
    about: 'machines stand still for up to eight seconds, and half of their clocks with them',
    weather: BAD_WEATHER,
    faults: { pauseEveryMs: 15 * SECOND_MS, pauseMsMax: 8 * SECOND_MS }
  },
  cuts: {
    about: 'single directions between two peers fail, all the time',
    weather: BAD_WEATHER,
    faults: { cutEveryMs: 500, cutMsMax: 10 * SECOND_MS }
  },
  partition: {
    about: 'the swarm falls into two sides, again and again',
    weather: BAD_WEATHER,
    faults: { partitionEveryMs: 15 * SECOND_MS, partitionMsMax: 10 * SECOND_MS }
  },
  'long-partition': {
    about: 'one partition of a minute in the middle of the job',
    plan: [{ atMs: 2 * SECOND_MS, forMs: MINUTE_MS, fault: 'partition' }]
  },
  'deaf-creator': {
    about: 'for half a minute nothing reaches the creator, and everything it says arrives',
    plan: [{ atMs: 1_500, forMs: 30 * SECOND_MS, fault: 'deaf-creator' }]
  },
  disk: {
    about: 'slow disks, one write in a hundred refused',
    weather: BAD_WEATHER,
    faults: { diskLatencyMsMax: 30, diskFullBps: 100 }
  },
  liars: {
    about:
      'five nodes of nineteen attest wrong results, always or sometimes: three of them can spoil a subtask',
    expect: 'safe',
    liarCount: 3,
    adversaries: [{ kind: 'sometimes', count: 2 }]
  },
  squat: {
    about: 'five nodes claim what they can get and execute nothing',
    liarCount: 0,
    adversaries: [{ kind: 'squat', count: 5 }]
  },
  split: {
    about: 'five nodes ask only half of the witnesses, so that nobody gets a quorum',
    liarCount: 0,
    adversaries: [{ kind: 'split', count: 5 }]
  },
  withhold: {
    about: 'five nodes seal their results and never open them',
    liarCount: 0,
    adversaries: [{ kind: 'withhold', count: 5 }]
  },
  amnesia: {
    about: 'two nodes forget everything every ten seconds, also as witnesses',
    liarCount: 0,
    adversaries: [{ kind: 'amnesia', count: 2 }]
  },
  copycat: {
    about: 'five nodes execute nothing and hand in what others show',
    liarCount: 0,
    adversaries: [{ kind: 'copycat', count: 5 }]
  },
  'dht-evil': {
    about: 'five nodes fill the DHT with nonsense and misplaced certificates',
    weather: BAD_WEATHER,
    liarCount: 0,
    adversaries: [{ kind: 'dht-evil', count: 5 }]
  },
  flood: {
    about: 'two peers send nonsense and repetitions to everybody, all the time',
    liarCount: 0,
    adversaries: [{ kind: 'flood', count: 2 }]
  },
  'creator-gone': {
    about: 'the creator dies for good once its offer is out',
    weather: BAD_WEATHER,
    adversaries: [{ kind: 'deadbeat', count: 1 }]
  },
  'witnesses-gone': {
    about: 'three of the seven witnesses die for good, and the creator with them: the next view takes over',
    weather: BAD_WEATHER,
    plan: [{ atMs: 4 * SECOND_MS, fault: 'witnesses-down', count: 3 }],
    adversaries: [{ kind: 'deadbeat', count: 1 }]
  },
  'witnesses-back': {
    about: 'four of the seven witnesses are away for half a minute, and come back to a view that took over',
    weather: BAD_WEATHER,
    plan: [{ atMs: 4 * SECOND_MS, forMs: 30 * SECOND_MS, fault: 'witnesses-down', count: 4 }]
  },
  'views-gone': {
    about: 'three witnesses of the first view die for good, then three of the second',
    nodeCount: 27,
    weather: BAD_WEATHER,
    plan: [
      { atMs: 4 * SECOND_MS, fault: 'witnesses-down', count: 3 },
      { atMs: 20 * SECOND_MS, fault: 'witnesses-down', count: 3, view: 1 }
    ]
  },
  'views-gone-at-once': {
    about: 'three witnesses of the first view die for good, and three of the second with them',
    nodeCount: 27,
    weather: BAD_WEATHER,
    plan: [
      { atMs: 4 * SECOND_MS, fault: 'witnesses-down', count: 3 },
      { atMs: 4 * SECOND_MS, fault: 'witnesses-down', count: 3, view: 1 }
    ]
  },
  'views-storm': {
    about:
      'views of witnesses die and come back at random, the last one always; bought witnesses, partitions, maybe no creator',
    nodeCount: 29,
    liarCount: 0,
    weather: BAD_WEATHER,
    faults: {
      crashEveryMs: 2 * MINUTE_MS,
      downMsMax: 5 * SECOND_MS,
      partitionEveryMs: MINUTE_MS,
      partitionMsMax: 10 * SECOND_MS
    },
    plan: [{ atMs: 2 * SECOND_MS, forMs: 30 * SECOND_MS, fault: 'views-down' }],
    adversaries: [{ kind: 'captured', count: 1, anyView: true }],
    workUnitsPerMs: 0.05
  },
  captured: {
    about:
      'two of the seven drawn witnesses say yes to everything, the creator is gone, three nodes play along',
    liarCount: 0,
    adversaries: [
      { kind: 'captured', count: 2 },
      { kind: 'split', count: 3 },
      { kind: 'deadbeat', count: 1 }
    ]
  },
  'captured-3': {
    about: 'as captured, with one bought witness more than the quorum bears: fails, as it must',
    liarCount: 0,
    adversaries: [
      { kind: 'captured', count: 3 },
      { kind: 'split', count: 3 },
      { kind: 'deadbeat', count: 1 }
    ]
  },
  storm: {
    about: 'a little of everything at once',
    weather: BAD_WEATHER,
    liarCount: 2,
    adversaries: [
      { kind: 'squat', count: 1 },
      { kind: 'withhold', count: 1 },
      { kind: 'split', count: 1 },
      { kind: 'flood', count: 1 }
    ],
    faults: {
      crashEveryMs: MINUTE_MS,
      downMsMax: 5 * SECOND_MS,
      crashEveryWrites: 500,
      pauseEveryMs: MINUTE_MS,
      pauseMsMax: 5 * SECOND_MS,
      driftBpsMax: 2_000,
      skewMsMax: 5 * SECOND_MS,
      cutEveryMs: 2 * SECOND_MS,
      cutMsMax: 5 * SECOND_MS,
      partitionEveryMs: MINUTE_MS,
      partitionMsMax: 10 * SECOND_MS,
      diskLatencyMsMax: 5,
      diskFullBps: 5
    }
  },
  scale: {
    about: 'fifty peers, two hundred replicas, a little loss, two liars',
    nodeCount: 49,
    weather: { ...FAIR_WEATHER, lossBps: 50, duplicateBps: 20 },
    job: { ...CALM_WORLD.job, name: 'scale', frames: '1-100', widthPx: 8, heightPx: 4 },
    workUnitsPerMs: 0.05
  }
}

function scenarioOf(name: string, { about, faults, untilMs = QUARTER_MS, ...rest }: Sketch): Scenario {
  return { name, about, untilMs, world: { ...BASE, ...rest, faults: { ...NO_FAULTS, ...faults } } }
}

/** Every kind of world that has a name. */
export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map(
  Object.entries(SKETCHES).map(([name, sketch]) => [name, scenarioOf(name, sketch)])
)

/** What may be changed about a scenario. */
export interface ScenarioChanges {
  /** Peers in all, the creator among them. */
  readonly peerCount?: number
  /** Replicas of the job before any is tried again; two per subtask. */
  readonly replicaCount?: number
  readonly witness?: WitnessRule
}

/** The same scenario with another number of peers, replicas or witnesses. */
export function changed(scenario: Scenario, { peerCount, replicaCount, witness }: ScenarioChanges): Scenario {
  const { world } = scenario
  const frames = replicaCount === undefined ? world.job.frames : `1-${Math.ceil(replicaCount / 2)}`
  return {
    ...scenario,
    world: {
      ...world,
      job: { ...world.job, ...(frames === undefined ? {} : { frames }) },
      ...(peerCount === undefined ? {} : { nodeCount: peerCount - 1 }),
      ...(witness === undefined ? {} : { witness })
    }
  }
}
