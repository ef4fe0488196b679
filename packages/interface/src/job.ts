import type { Amount } from './chain.ts'
import type { Cid, EquivalenceClass, JobId, PeerId, Rect, SampleRange, SubtaskId } from './ids.ts'

/** Kinds of job. */
export type WorkloadKind = 'render'

/** How a frame becomes files. */
export interface RenderOutput {
  /** Exposure in stops applied before tone mapping. */
  readonly exposureStops: number
  readonly toneMap: 'aces' | 'linear'
  /** Keep linear pixels as OpenEXR beside the tone-mapped PNG. */
  readonly exr: 'none' | 'half' | 'float'
}

/** Inclusive range of frames: `first <= last`. */
export interface FrameRange {
  readonly first: number
  readonly last: number
}

/** How a job is cut. A subtask is `framesPerSubtask` frames of one tile and one sample range. */
export interface RenderSplit {
  readonly framesPerSubtask: number
  readonly tileColumns: number
  readonly tileRows: number
  /** Sample ranges per frame; the sample count is divided as evenly as whole numbers allow. */
  readonly sampleRanges: number
}

/** What to render. Everything that changes a pixel is here. */
export interface RenderSpec {
  readonly kind: 'render'
  /** Which runner understands the scene, e.g. `pathtracer`. */
  readonly engine: string
  /** Path of the scene file inside the manifest. */
  readonly entry: string
  /**
   * Never empty, ascending, with a gap between neighbours, so that a set of frames has one form. `framesOf` expands it.
   *
   * Ranges, because an offer of 10 000 frames must still fit in one gossip message.
   */
  readonly frames: readonly FrameRange[]
  /** Seconds of scene time per frame: frame `f` shows the instant `f / framesPerSecond`. */
  readonly framesPerSecond: number
  readonly widthPx: number
  readonly heightPx: number
  readonly samplesPerPixel: number
  readonly maxBounces: number
  readonly seed: number
  /** Name of the camera node; the file's first camera when absent. */
  readonly camera?: string
  readonly output: RenderOutput
  readonly split: RenderSplit
}

/** How results are checked. */
export interface VerifyPolicy {
  /** Replicas opened at once. */
  readonly replicaCount: number
  /** Replicas that may be opened when they disagree. */
  readonly replicaCountMax: number
  /** Equal digests that make a result canonical. At most this many replicas of a subtask are paid. */
  readonly quorum: number
}

/** What a creator submits. Its canonical encoding's CID is the job id. */
export interface JobSpec {
  readonly version: 1
  readonly creator: PeerId
  /** Tells two publications of the same work apart; 0 unless the creator asks to publish again. */
  readonly nonce: number
  readonly name: string
  /** Id of the {@link Manifest} of everything the job reads. */
  readonly manifest: Cid
  /** Sum of the manifest's file sizes. */
  readonly assetsSizeBytes: number
  readonly work: RenderSpec
  readonly verify: VerifyPolicy
  /** Most a node may ask per million work units. */
  readonly pricePerMegaUnitMax: Amount
  /** Memory a node needs for one execution. */
  readonly memoryBytes: number
  /** The job is given up this long after its offer. */
  readonly deadlineAfterMs: number
}

/** The part of a render job that one subtask covers. */
export interface RenderWork {
  readonly kind: 'render'
  readonly frames: readonly number[]
  readonly tile: Rect
  readonly samples: SampleRange
}

/** Smallest unit that is leased. Every peer derives the same list from the spec. */
export interface Subtask {
  readonly id: SubtaskId
  readonly job: JobId
  /** Position in the job's list. */
  readonly index: number
  readonly work: RenderWork
  /** Size of the work, in the workload's units. Render: pixels × samples × frames. */
  readonly workUnits: number
}

/** One replica of one subtask, and how often it was opened anew. */
export interface ReplicaKey {
  readonly job: JobId
  /** Index of the subtask. */
  readonly subtask: number
  readonly replica: number
  readonly generation: number
}

/** What a replica of a subtask costs at most, and what the whole job may cost. */
export interface Quote {
  readonly subtaskCount: number
  readonly workUnits: number
  /** Amount to lock: quorum × cap × units, rounded up per subtask. */
  readonly budget: Amount
}

/** Something about a job or scene that a creator should know before paying. */
export interface Issue {
  readonly severity: 'error' | 'warning'
  /** Stable code, e.g. `texture-missing`. */
  readonly code: string
  /** File or object it is about. */
  readonly where: string
  readonly message: string
  readonly remedy: string
}

/** Results are compared by digest only inside one class. */
export interface EngineCapability {
  readonly engine: string
  readonly equivalenceClass: EquivalenceClass
}
