/** What a testnet's creator publishes: contents of `job.json` in its directory. */
export interface CreatorJob {
  /** Scene or job file; absent: a job of the noop engine. */
  readonly file?: string
  readonly subtaskCount: number
  readonly replicaCount: number
  readonly replicaCountMax: number
  readonly quorum: number
  readonly witnessCount: number
  readonly witnessQuorum: number
  readonly deadlineMs: number
  /** Tells publications of the same job apart. */
  readonly nonce: number
}

export const JOB_FILE = 'job.json'
