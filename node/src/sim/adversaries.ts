import type { Chance, Clock, Network, PeerId, Runner } from '@rayswarm/interface'
import type { PeerComponents } from '@rayswarm/peer'
import { type LieKind, lyingRunner } from '@rayswarm/simulation'
import { amnesiac } from './adversaries/amnesia.ts'
import type { Plot } from './adversaries/captured.ts'
import { copycat } from './adversaries/copycat.ts'
import { poisoner } from './adversaries/dht-evil.ts'
import { Flood } from './adversaries/flood.ts'
import { splitter } from './adversaries/split.ts'
import { squatter } from './adversaries/squat.ts'
import { withholder } from './adversaries/withhold.ts'

/** How a peer may misbehave. */
export type AdversaryKind =
  | 'garbage' // every result is wrong
  | 'sometimes' // every other result is
  | 'squat' // claims, renews, and executes nothing
  | 'split' // asks only half of the witnesses, so that nobody gets a quorum
  | 'withhold' // seals results and never opens them
  | 'amnesia' // forgets everything each time it starts, and starts often
  | 'captured' // drawn witnesses that say yes to everything: bought once the draw is known
  | 'copycat' // hands in what others show
  | 'dht-evil' // fills the DHT with nonsense and with certificates under wrong keys
  | 'flood' // sends nonsense and repetitions to everybody, all the time
  | 'deadbeat' // a creator that is gone for good once its offer is out

/** What a being of its own gets of the world. */
export interface Body {
  readonly clock: Clock
  readonly chance: Chance
  readonly network: Network
  readonly peers: () => readonly PeerId[]
}

/** A kind of misbehaviour: a peer with other components, or a being of its own. */
export interface Adversary {
  /** Wraps what an honest peer would get. */
  readonly wrap?: (components: PeerComponents, plot: Plot) => PeerComponents
  /** Lives instead of a peer. */
  readonly live?: (body: Body) => void
  /** Whoever pays it is at fault. */
  readonly earnsNothing: boolean
  /** Its disk is empty each time it starts. */
  readonly forgets?: boolean
  /** Mean time between crashes, whatever the world's faults say. */
  readonly crashEveryMs?: number
  /** No node of its own: so many of the drawn witnesses. */
  readonly isDrawn?: boolean
  /** It is the creator, and goes for good this long after its offer is out. */
  readonly creatorGoneAfterMs?: number
}

const liar = (kind: LieKind): Adversary => ({
  earnsNothing: true,
  wrap: components => ({
    ...components,
    runners: components.runners.map((runner: Runner) => lyingRunner(runner, components.chance, kind))
  })
})

/** Every kind there is. */
export const ADVERSARIES: { readonly [Kind in AdversaryKind]: Adversary } = {
  garbage: liar('garbage'),
  // Now and then it is honest, and may be paid for that.
  sometimes: { ...liar('sometimes'), earnsNothing: false },
  squat: { earnsNothing: false, wrap: squatter },
  split: { earnsNothing: false, wrap: splitter },
  withhold: { earnsNothing: true, wrap: withholder },
  amnesia: { earnsNothing: false, ...amnesiac },
  captured: { earnsNothing: false, isDrawn: true },
  copycat: { earnsNothing: true, wrap: copycat },
  'dht-evil': { earnsNothing: false, wrap: poisoner },
  flood: {
    earnsNothing: true,
    live: body => {
      new Flood(body).start()
    }
  },
  deadbeat: { earnsNothing: false, creatorGoneAfterMs: 500 }
}
