/**
 * @packageDocumentation
 *
 * Every noun and port of Rayswarm: types, component interfaces, errors and reason codes. No behaviour.
 *
 * @example
 *
 * ```ts
 * import { RayswarmError, type Clock } from '@rayswarm/interface'
 *
 * function deadline(clock: Clock, atMs: number): void {
 *   if (clock.nowMs() > atMs) throw new RayswarmError('ERR_TIMEOUT', 'too late', { remedy: 'Ask for more time.' })
 * }
 * ```
 */
export type {
  Admission,
  Decoded,
  WireFault
} from './admission.ts'
export type {
  AssetSource,
  Assets,
  Checkout,
  FetchOptions,
  Manifest,
  ManifestEntry
} from './assets.ts'
export type {
  Amount,
  Appointment,
  Chain,
  Escrow,
  EscrowRef,
  EscrowState,
  LockTerms,
  Payout,
  PayoutSplit,
  SettlementOrder,
  SettlementOutcome,
  SettlementSignature
} from './chain.ts'
export {
  type ErrorCode,
  type ErrorContext,
  isRayswarmError,
  RayswarmError
} from './errors.ts'
export type { PeerEvents } from './events.ts'
export type {
  Account,
  Cid,
  EquivalenceClass,
  Hex,
  JobId,
  PeerId,
  Rect,
  SampleRange,
  SubtaskId
} from './ids.ts'
export type {
  EngineCapability,
  FrameRange,
  Issue,
  JobSpec,
  Quote,
  RenderOutput,
  RenderSpec,
  RenderSplit,
  RenderWork,
  ReplicaKey,
  Subtask,
  VerifyPolicy,
  WorkloadKind
} from './job.ts'
export type {
  Claim,
  Commit,
  CommitCert,
  CommitVote,
  Grant,
  LeaseCert,
  LeasePromise,
  Refusal,
  Release,
  Renew,
  RenewAck,
  WitnessRule,
  WitnessSet
} from './lease.ts'
export type {
  EquivocationClaim,
  LedgerEntry,
  Receipt,
  ReceiptClaim,
  ReplicaVerdict,
  Score,
  Verdict,
  VerdictsClaim
} from './ledger.ts'
export type {
  Attestation,
  Bid,
  BidReply,
  Cosign,
  CosignReply,
  Evidence,
  ItemsPage,
  ItemsQuery,
  JobNotice,
  Messages,
  MessageType,
  Offer,
  Opening,
  Openings,
  OpeningsPage,
  Recon,
  ReconReply,
  Reveal,
  RevealReply,
  Sealed,
  SealedReply,
  SetName,
  Signed,
  Vacancy
} from './messages.ts'
export type {
  IneligibleReason,
  RefusalReason,
  UnpaidReason
} from './reasons.ts'
export type { Beacon, BeaconValue, Registration, Registry, RegistrySnapshot } from './registry.ts'
export type {
  Artifact,
  Probe,
  Raster,
  Runner,
  RunOptions,
  Session,
  SubtaskOutput
} from './runner.ts'
export type {
  Chance,
  Clock,
  Identity,
  Log,
  Network,
  Protocol,
  Records,
  RecordValidator,
  RequestOptions,
  Store,
  Timer,
  Topic,
  Unsubscribe
} from './world.ts'
