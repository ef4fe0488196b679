import type { EscrowRef, Hex, SettlementOrder } from '@rayswarm/interface'
import { type TypedDataDomain, TypedDataEncoder, type TypedDataField } from 'ethers'

/** What a creator signs. spec/escrow.md#signature */
const SETTLEMENT_TYPES: Readonly<Record<string, readonly TypedDataField[]>> = {
  Payout: [
    { name: 'account', type: 'address' },
    { name: 'gross', type: 'uint64' }
  ],
  Settlement: [
    { name: 'id', type: 'bytes32' },
    { name: 'payouts', type: 'Payout[]' },
    { name: 'receiptsRoot', type: 'bytes32' }
  ]
}

export function settlementTypes(): Record<string, TypedDataField[]> {
  return Object.fromEntries(Object.entries(SETTLEMENT_TYPES).map(([name, fields]) => [name, [...fields]]))
}

export function settlementDomain({ chainId, contract }: EscrowRef): TypedDataDomain {
  return { name: 'Rayswarm JobEscrow', version: '1', chainId, verifyingContract: contract }
}

export function settlementValue({ escrow, payouts, receiptsRoot }: SettlementOrder): {
  id: Hex
  payouts: { account: string; gross: bigint }[]
  receiptsRoot: Hex
} {
  return { id: escrow.id, payouts: payouts.map(({ account, gross }) => ({ account, gross })), receiptsRoot }
}

/** EIP-712 digest of a settlement, as the contract computes it. */
export function settlementHash(order: SettlementOrder): Hex {
  return TypedDataEncoder.hash(settlementDomain(order.escrow), settlementTypes(), settlementValue(order))
}
