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

/** An appointment as the contract takes it: the views one after the other. */
export function appointmentValue({ views, quorum }: Appointment): {
  witnesses: Account[]
  viewSize: number
  quorum: number
} {
  return { witnesses: views.flat(), viewSize: views[0]?.length ?? 0, quorum }
}

/** What an appointment leaves on the chain. */
export function appointmentHash(appointment: Appointment): Hex {
  const { witnesses, viewSize, quorum } = appointmentValue(appointment)
  const types = ['tuple(address[],uint256,uint256)']
  return keccak256(AbiCoder.defaultAbiCoder().encode(types, [[witnesses, viewSize, quorum]]))
}

/** Who signed, as the contract wants it: of one view, a bit for each witness and, lowest bit first, the signatures. */
export interface SignedByWitnesses {
  readonly viewIndex: number
  readonly signers: bigint
  readonly signatures: readonly { readonly r: Hex; readonly vs: Hex }[]
}

/** The first quorum of the first view that has one of valid signatures. Whatever else was collected does no harm. */
export function pickSignatures(
  order: SettlementOrder,
  { views, quorum }: Appointment,
  collected: readonly SettlementSignature[]
): SignedByWitnesses {
  const byAccount = new Map<Account, Hex>()
  for (const signed of collected) {
    if (isSettlementSigned(order, signed)) byAccount.set(getAddress(signed.account), signed.signature)
  }
  const signed = views.map((witnesses, viewIndex) => pickOf({ witnesses, viewIndex, quorum }, byAccount))
  // Where no view has a quorum, the contract says so.
  const none = { viewIndex: 0, signers: 0n, signatures: [] }
  return signed.find(({ signatures }) => signatures.length >= quorum) ?? none
}

/** The first of one view's witnesses that signed, at most a quorum. */
function pickOf(
  view: { readonly witnesses: readonly Account[]; readonly viewIndex: number; readonly quorum: number },
  byAccount: ReadonlyMap<Account, Hex>
): SignedByWitnesses {
  const { witnesses, viewIndex, quorum } = view
  let signers = 0n
  const signatures: { r: Hex; vs: Hex }[] = []
  for (const [index, witness] of witnesses.entries()) {
    const signature = byAccount.get(getAddress(witness))
    if (signature === undefined || signatures.length >= quorum) continue
    const { r, yParityAndS } = Signature.from(signature)
    signers |= 1n << BigInt(index)
    signatures.push({ r, vs: yParityAndS })
  }
  return { viewIndex, signers, signatures }
}
