/**
 * @packageDocumentation
 *
 * Who gets what from a job's escrow, and the tree that proves it. Integers only; what goes in comes out, to the base unit.
 *
 * @example
 *
 * ```ts
 * import { PAYOUT_SPLIT } from '@rayswarm/params'
 * import { settle } from '@rayswarm/settlement'
 *
 * const payouts = [{ account: '0x52908400098527886E0F7030069857D2E4169EE7', gross: 1_000n }]
 * const { paid, burned, treasury, refunded } = settle(1_500n, payouts, PAYOUT_SPLIT)
 * console.log(paid, burned, treasury, refunded) // 900n 50n 50n 500n
 * ```
 */
export { appointmentHash } from './appointment.ts'
export { payoutsOf, type Settlement, type Shares, settle, splitPayout } from './split.ts'
export { type ReceiptsTree, receiptsTree, verifyReceipt } from './tree.ts'
