/**
 * @packageDocumentation
 *
 * Which result of a subtask counts: digests of decoded pixels, seals that are opened later, and the verdict on every replica.
 * Pure functions of what is known.
 *
 * @example
 *
 * ```ts
 * import { judge } from '@rayswarm/verification'
 *
 * const policy = { replicaCount: 2, replicaCountMax: 3, quorum: 2 }
 * const judgement = judge(policy, [])
 * if (judgement.state === 'more') console.log(judgement.replicas.length) // 2
 * ```
 */
export { type DigestBlock, digestBlocks, digestOf } from './digest.ts'
export {
  isOverdue,
  type Judgement,
  judge,
  mayOpen,
  maySuffice,
  type Outcome,
  type ReplicaOutcome,
  type ReplicaVerdict
} from './judge.ts'
export { judgeReveal, type RevealFault, sealOf } from './seal.ts'
