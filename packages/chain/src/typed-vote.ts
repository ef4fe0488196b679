import type { Account, Hex } from '@rayswarm/interface'
import { type Signer, type TypedDataDomain, TypedDataEncoder, verifyTypedData } from 'ethers'

/** A commit vote, as far as the registry looks into it. spec/registry.md#equivocation */
export interface StakeVote {
  /** sha2-256 of the canonical encoding of the replica's key. 32 bytes. */
  readonly replica: Hex
  /** sha2-256 of the canonical encoding of the vote. 32 bytes. */
  readonly content: Hex
}

/** The registry whose stakes the vote is answerable with. */
export interface RegistryRef {
  readonly chainId: number
  readonly registry: Account
}

/** What a contract takes: 65 bytes, with the parity of y as 27 or 28. */
const SIGNATURE = /^0x[0-9a-f]{128}1[bc]$/i

const VOTE_TYPES = {
  Vote: [
    { name: 'replica', type: 'bytes32' },
    { name: 'content', type: 'bytes32' }
  ]
}

function domainOf({ chainId, registry }: RegistryRef): TypedDataDomain {
  return { name: 'Rayswarm NodeRegistry', version: '1', chainId, verifyingContract: registry }
}

/** EIP-712 digest of a vote, as the contract computes it. */
export function voteHash(ref: RegistryRef, vote: StakeVote): Hex {
  return TypedDataEncoder.hash(domainOf(ref), VOTE_TYPES, vote)
}

/** Answer for a vote with one's stake. */
export async function signVote(signer: Signer, ref: RegistryRef, vote: StakeVote): Promise<Hex> {
  return await signer.signTypedData(domainOf(ref), VOTE_TYPES, vote)
}

/** Whether the account answers for this vote with its stake. Never throws. */
export function isVoteSigned(ref: RegistryRef, vote: StakeVote, account: Account, signature: Hex): boolean {
  if (!SIGNATURE.test(signature)) return false
  try {
    return verifyTypedData(domainOf(ref), VOTE_TYPES, vote, signature).toLowerCase() === account.toLowerCase()
  } catch {
    return false
  }
}
