/**
 * @packageDocumentation
 *
 * Which items two peers lack of each other's sets: range-based set reconciliation. The cost grows with what differs, not with
 * what there is, and the answering side keeps nothing between two frames.
 *
 * @example
 *
 * ```ts
 * import { answer, IdSet, open, proceed } from '@rayswarm/reconcile'
 *
 * const id = (byte: number) => new Uint8Array(32).fill(byte)
 * const ours = new IdSet([id(1), id(2)])
 * const theirs = new IdSet([id(2), id(3)])
 *
 * let frame: Uint8Array | undefined = open(ours)
 * while (frame !== undefined) {
 *   const answered = answer(theirs, frame)
 *   const found = answered.ok ? proceed(ours, answered.value) : answered
 *   if (!found.ok) break
 *   for (const [name, ids] of Object.entries({ have: found.value.have, want: found.value.want }))
 *     for (const [first] of ids) console.log(name, first) // have 1, want 3
 *   frame = found.value.frame
 * }
 * ```
 */
export { answer, type Finding, type FrameOptions, open, proceed } from './exchange.ts'
export { IdSet } from './id-set.ts'
