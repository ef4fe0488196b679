import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Account, Admission, Hex, Offer, Signed } from '@rayswarm/interface'
import { fromHex, jobHashOf, jobIdOf, toHex } from '@rayswarm/wire'

/** Why an offer is not taken up or passed on. */
export type OfferFault =
  | 'wrong-signer' // not signed by the job's creator
  | 'no-price' // pays nothing for work
  | 'quorum-minority' // witnesses that could contradict each other
  | 'wrong-escrow' // the escrow's id is not this job's
  | 'no-epoch' // drawn witnesses without the epoch they are drawn from, or the other way round
  | 'from-the-future' // created later than our clock allows
  | 'deadline-passed'

/** An offer may be dated this far ahead of our clock. Operators' clocks are rarely off by more. */
const CLOCK_SKEW_MS_MAX = 2 * 60 * 1_000

const WORD_BYTES = 32

/**
 * Judge an offer by itself: what the chain says about its escrow is for {@link eligible}.
 *
 * Its shape and its own signature were checked when it was decoded.
 *
 * @see spec/market.md#offer
 */
export function judgeOffer(offer: Signed<Offer>, nowMs: number): Admission<OfferFault> {
  const { spec, escrow, escrowSalt, account, witness, drawEpoch, createdAtMs } = offer.body
  const { witnessCount, quorum } = witness

  if (offer.type !== 'offer' || offer.signer !== spec.creator) return reject('wrong-signer')
  if (spec.pricePerMegaUnitMax <= 0n) return reject('no-price')
  if (quorum > witnessCount || 2 * quorum <= witnessCount) return reject('quorum-minority')
  if (witnessCount > 1 !== (drawEpoch !== undefined)) return reject('no-epoch')
  if (escrow.id !== escrowIdOf(account, jobHashOf(jobIdOf(spec)), escrowSalt)) return reject('wrong-escrow')

  if (createdAtMs > nowMs + CLOCK_SKEW_MS_MAX) return ignore('from-the-future')
  if (nowMs >= deadlineAtMs(offer.body)) return ignore('deadline-passed')
  return { action: 'accept' }
}

/** When the job of an offer is given up. Milliseconds since the Unix epoch. */
export function deadlineAtMs({ createdAtMs, spec }: Offer): number {
  return createdAtMs + spec.deadlineAfterMs
}

/** Id of the escrow that an account locks for a job: `keccak256(abi.encode(creator, jobHash, salt))`, as the contract derives it. */
export function escrowIdOf(creator: Account, jobHash: Hex, salt: Hex): Hex {
  const words = new Uint8Array(3 * WORD_BYTES)
  const address = fromHex(creator.toLowerCase())
  words.set(address, WORD_BYTES - address.length)
  words.set(fromHex(jobHash), WORD_BYTES)
  words.set(fromHex(salt), 2 * WORD_BYTES)
  return toHex(keccak_256(words))
}

function reject(fault: OfferFault): Admission<OfferFault> {
  return { action: 'reject', fault }
}

function ignore(fault: OfferFault): Admission<OfferFault> {
  return { action: 'ignore', fault }
}
