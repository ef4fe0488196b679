/** Why a node does not bid for an offer, or a creator does not grant a bid. Every "no" has one. */
export type IneligibleReason =
  | 'offer-closed'
  | 'deadline-passed'
  | 'wrong-chain'
  | 'escrow-missing' // not (yet) on chain, another creator's, or settled by others than the offer says
  | 'escrow-too-low' // locks less than the offer promises
  | 'workload-not-allowed'
  | 'engine-missing'
  | 'class-mismatch' // the subtask's replicas run in another equivalence class
  | 'memory-too-low'
  | 'price-too-low' // below the node's floor
  | 'price-too-high' // above the offer's cap
  | 'reputation-too-low'
  | 'creator-distrusted'
  | 'busy' // no free execution place
  | 'same-holder' // already executes another replica of the subtask
  | 'no-open-replica'
  | 'outbid'
  | 'not-registered' // its witnesses were drawn from a registry in which the node had no stake

/** Why a witness refuses a lease request. */
export type RefusalReason =
  | 'unknown-job'
  | 'not-witness'
  | 'out-of-range'
  | 'wrong-signer'
  | 'no-grant' // owner mode: only the creator's grant opens a claim
  | 'not-registered'
  | 'not-open' // the replica is not wanted, or not yet
  | 'too-early' // without a grant, and its turn in the race has not come
  | 'same-holder' // it, or another peer of its operator, executes another replica of the subtask
  | 'caught' // it lost against a quorum of this job
  | 'held' // somebody else's lease has not lapsed
  | 'stale-fence'
  | 'fence-jump'
  | 'not-holder'
  | 'no-progress' // progress went backwards, or stood still for too long, or the total is used up
  | 'bad-certificate'
  | 'register-taken' // another commit stands in the register
  | 'done' // a commit certificate is known
  | 'overloaded'

/** Why a replica is not paid. */
export type UnpaidReason =
  | 'rejected' // its digest lost against the quorum
  | 'reveal-timeout'
  | 'result-missing' // nobody could fetch what it attested
  | 'result-mismatch' // the bytes do not hash to the attested digest
  | 'surplus' // the quorum was complete without it
  | 'no-quorum' // its subtask was given up: no digest won
