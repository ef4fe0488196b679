import type {
  Account,
  Appointment,
  EscrowRef,
  Hex,
  SettlementOrder,
  SettlementSignature
} from '@rayswarm/interface'
import {
  AbiCoder,
  getAddress,
  keccak256,
  Signature,
  type TypedDataDomain,
  TypedDataEncoder,
  type TypedDataField,
  verifyTypedData
} from 'ethers'

/** What the contract takes: 65 bytes, with the parity of y as 27 or 28. */
const SIGNATURE = /^0x[0-9a-f]{128}1[bc]$/i

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

/** Whether a signature is its account's over a settlement. False for whatever the contract would refuse, by form or by key. */
export function isSettlementSigned(
  order: SettlementOrder,
  { account, signature }: SettlementSignature
): boolean {
  if (!SIGNATURE.test(signature)) return false
  try {
    const signer = verifyTypedData(
      settlementDomain(order.escrow),
      settlementTypes(),
      settlementValue(order),
      signature
    )
    return signer === getAddress(account)
  } catch {
    return false
  }
}

/** What an appointment leaves on the chain. */
export function appointmentHash({ witnesses, quorum }: Appointment): Hex {
  return keccak256(AbiCoder.defaultAbiCoder().encode(['address[]', 'uint256'], [witnesses, quorum]))
}

/** Who signed, as the contract wants it: a bit for each witness and, lowest bit first, the signatures. */
export interface SignedByWitnesses {
  readonly signers: bigint
  readonly signatures: readonly { readonly r: Hex; readonly vs: Hex }[]
}

/** The first quorum of what is validly signed by distinct witnesses. Whatever else was collected does no harm. */
export function pickSignatures(
  order: SettlementOrder,
  { witnesses, quorum }: Appointment,
  collected: readonly SettlementSignature[]
): SignedByWitnesses {
  const byAccount = new Map<Account, Hex>()
  for (const signed of collected) {
    if (isSettlementSigned(order, signed)) byAccount.set(getAddress(signed.account), signed.signature)
  }
  let signers = 0n
  const signatures: { r: Hex; vs: Hex }[] = []
  for (const [index, witness] of witnesses.entries()) {
    const signature = byAccount.get(getAddress(witness))
    if (signature === undefined || signatures.length >= quorum) continue
    const { r, yParityAndS } = Signature.from(signature)
    signers |= 1n << BigInt(index)
    signatures.push({ r, vs: yParityAndS })
  }
  return { signers, signatures }
}
