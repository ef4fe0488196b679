/**
 * @packageDocumentation
 *
 * Work tokens and job escrows on an Ethereum chain: contracts, adapter, and a development chain to run them on.
 *
 * @example
 *
 * ```ts
 * import { DevChain, deploy, fund, openChain } from '@rayswarm/chain'
 * import { computeAddress, hexlify, randomBytes } from 'ethers'
 *
 * await using dev = await DevChain.start()
 * const { rpcUrl, chainId } = dev
 * const key = hexlify(randomBytes(32))
 * const account = computeAddress(key)
 *
 * const { contract, token } = await deploy({ rpcUrl, chainId, key: dev.key, treasury: account })
 * await fund({ rpcUrl, chainId, token, key: dev.key }, [{ account, amount: 1_000_000n }])
 * const chain = await openChain({ rpcUrl, chainId, contract, token, key })
 * await chain.balanceOf(account) // 1000000n
 * chain.close()
 * ```
 */
export { ESCROW, REGISTRY, TOKEN } from './artifacts.ts'
export { ChainBeacon } from './chain-beacon.ts'
export {
  ChainRegistry,
  type ChainRegistryInit,
  openRegistry,
  type RegisterInit,
  type SignedContent,
  type StakeState
} from './chain-registry.ts'
export {
  type DeployInit,
  type Deployment,
  deploy,
  type FundInit,
  fund,
  type RegistryTerms
} from './deploy.ts'
export { DEV_CHAIN_ID, DevChain, type DevChainInit } from './dev-chain.ts'
export { type ChainInit, type ChainLink, EthersChain, openChain } from './ethers-chain.ts'
export { NativeKey } from './native-key.ts'
export { type OpenedEscrow, openedEscrows } from './opened-escrows.ts'
export { appointmentHash, settlementHash } from './typed-settlement.ts'
export { isVoteSigned, type RegistryRef, type StakeVote, voteHash } from './typed-vote.ts'
