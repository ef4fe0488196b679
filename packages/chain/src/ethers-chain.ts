import {
  type Account,
  type Amount,
  type Appointment,
  type Chain,
  type Escrow,
  type EscrowRef,
  type EscrowState,
  type Hex,
  isRayswarmError,
  type LockTerms,
  type PayoutSplit,
  RayswarmError,
  type SettlementOrder,
  type SettlementOutcome,
  type SettlementSignature
} from '@rayswarm/interface'
import { AbiCoder, getAddress, isAddress, keccak256, type Log, ZeroAddress, ZeroHash } from 'ethers'
import { ESCROW, TOKEN } from './artifacts.ts'
import { balanceTooLow, reverted, wrongChainId } from './errors.ts'
import { Rpc, type RpcInit } from './rpc.ts'
import { Sender } from './sender.ts'
import {
  appointmentHash,
  appointmentValue,
  isSettlementSigned,
  pickSignatures,
  settlementDomain,
  settlementTypes,
  settlementValue
} from './typed-settlement.ts'

const AMOUNT_MAX = (1n << 64n) - 1n
const UINT32_MAX = 2 ** 32 - 1
// Tombstones of a closed job, in the place of its refund time. spec/escrow.md#storage
const SETTLED = 1
const REFUNDED = 2

/** Where an escrow lives and who looks at it. */
export interface ChainInit extends RpcInit {
  /** Address of `JobEscrow`. */
  readonly contract: Account
  /** Address of `WorkToken`. */
  readonly token: Account
  /** Private key of the account, 32 bytes. No two processes may use one key at the same time. */
  readonly key: Hex
  /**
   * Blocks that must lie above a lock before it is `final`. 0 on a development chain, whose blocks come only with
   * transactions; on a public chain as many as that chain has ever undone.
   */
  readonly confirmations?: number
  /** Block the contract was deployed in: events are not searched before it. */
  readonly deployedAtBlock?: number
}

/** Connect an account to the chain its escrows live on. Close it when done. */
export async function openChain(init: ChainInit): Promise<EthersChain> {
  const rpc = await Rpc.open(init)
  try {
    // An escrow from before witnesses had views has a token too.
    const [[token]] = await Promise.all([
      rpc.read(init.contract, ESCROW, 'token', []),
      rpc.read(init.contract, ESCROW, 'WITNESS_VIEW_COUNT_MAX', [])
    ])
    if (token !== getAddress(init.token)) throw notTheContract(init, String(token))
    return new EthersChain(rpc, init)
  } catch (error) {
    rpc.close()
    if (isRayswarmError(error) && error.code !== 'ERR_CHAIN_REVERTED') throw error
    throw notTheContract(init, 'no escrow', error)
  }
}

/** What the registry and the beacon of an account share with its escrows: connection, key, how deep a block is final. */
export interface ChainLink {
  readonly rpc: Rpc
  readonly sender: Sender
  readonly token: Account
  readonly confirmations: number
  readonly deployedAtBlock: number
}

/** `JobEscrow` over JSON-RPC. Open it with {@link openChain}. */
export class EthersChain implements Chain {
  readonly chainId: number
  readonly contract: Account
  readonly account: Account
  /** For the other adapters of this package: two senders of one key would get in each other's way. */
  readonly link: ChainLink
  readonly #rpc: Rpc
  readonly #sender: Sender
  readonly #token: Account
  readonly #confirmations: number
  readonly #deployedAtBlock: number

  constructor(rpc: Rpc, init: ChainInit) {
    this.#rpc = rpc
    this.#sender = new Sender(rpc, init.key)
    this.chainId = init.chainId
    this.contract = getAddress(init.contract)
    this.account = this.#sender.account
    this.#token = getAddress(init.token)
    this.#confirmations = init.confirmations ?? 0
    this.#deployedAtBlock = init.deployedAtBlock ?? 0
    this.link = {
      rpc,
      sender: this.#sender,
      token: this.#token,
      confirmations: this.#confirmations,
      deployedAtBlock: this.#deployedAtBlock
    }
  }

  /** Drop the connection. Calls under way fail. */
  close(): void {
    this.#rpc.close()
  }

  async split(): Promise<PayoutSplit> {
    const [nodeBps, burnBps, treasuryBps] = await Promise.all(
      ['nodeBps', 'burnBps', 'treasuryBps'].map(name => this.#read(name, []))
    )
    return { nodeBps: Number(nodeBps), burnBps: Number(burnBps), treasuryBps: Number(treasuryBps) }
  }

  async balanceOf(account: Account): Promise<Amount> {
    return (await this.#rpc.read(this.#token, TOKEN, 'balanceOf', [account]))[0] as Amount
  }

  async creditOf(account: Account): Promise<Amount> {
    return (await this.#read('credits', [account])) as Amount
  }

  async escrow(ref: EscrowRef): Promise<Escrow> {
    const none = { ref, creator: ZeroAddress, locked: 0n, refundableAtS: 0, final: false } as const
    if (ref.chainId !== this.chainId || getAddress(ref.contract) !== this.contract)
      return { ...none, state: 'none' }
    const headBlock = this.#confirmations > 0 ? await this.#headBlock() : 0
    const [job, appointed] = await Promise.all([
      this.#rpc.read(this.contract, ESCROW, 'jobs', [ref.id]),
      this.#read('appointed', [ref.id])
    ])
    const [creator, locked, instant] = job as [Account, Amount, bigint]
    const state = stateOf(creator, Number(instant))
    if (state === 'none') return { ...none, state }
    const refundableAtS = state === 'locked' ? Number(instant) : 0
    const escrow = { ref, creator, locked, state, refundableAtS, final: await this.#isFinal(ref, headBlock) }
    return appointed === ZeroHash ? escrow : { ...escrow, appointed: appointed as Hex }
  }

  escrowRef(terms: LockTerms): EscrowRef {
    const words = [this.account, terms.jobHash, terms.salt]
    const id = keccak256(AbiCoder.defaultAbiCoder().encode(['address', 'bytes32', 'bytes32'], words))
    return { chainId: this.chainId, contract: this.contract, id }
  }

  async lock(terms: LockTerms): Promise<{ readonly ref: EscrowRef; readonly txHash: Hex }> {
    const { amount, refundAfterS } = terms
    checkTerms(terms)
    const ref = this.escrowRef(terms)
    if ((await this.escrow(ref)).state !== 'none') return await this.#lockedBefore(ref, terms)
    const balance = await this.balanceOf(this.account)
    if (balance < amount) throw balanceTooLow(this.account, balance, amount)

    const termsBytes = AbiCoder.defaultAbiCoder().encode(
      ['bytes32', 'bytes32', 'uint32'],
      [terms.jobHash, terms.salt, refundAfterS]
    )
    const data = TOKEN.encodeFunctionData('transferAndCall(address,uint256,bytes)', [
      this.contract,
      amount,
      termsBytes
    ])
    try {
      return { ref, txHash: (await this.#sender.send({ to: this.#token, data })).hash }
    } catch (error) {
      // Another call of ours with the same terms came first.
      if (refusedAs(error) === 'JobExists') return await this.#lockedBefore(ref, terms)
      throw error
    }
  }

  async signSettlement(order: SettlementOrder): Promise<Hex> {
    this.#checkOurs(order.escrow)
    const domain = settlementDomain(order.escrow)
    return await this.#sender.wallet.signTypedData(domain, settlementTypes(), settlementValue(order))
  }

  async appoint(ref: EscrowRef, appointment: Appointment): Promise<{ readonly txHash: Hex }> {
    this.#checkOurs(ref)
    checkAppointment(appointment)
    const { creator, appointed } = await this.escrow(ref)
    if (creator === this.account && appointed === appointmentHash(appointment))
      return { txHash: (await this.#event('WitnessesAppointed', ref)).transactionHash }
    const args = [ref.id, appointmentValue(appointment)]
    const { txHash } = await this.#send('appoint', args, 'WitnessesAppointed')
    return { txHash }
  }

  verifySettlement(order: SettlementOrder, signed: SettlementSignature): boolean {
    return isSettlementSigned(order, signed)
  }

  async settle(order: SettlementOrder, signature: Hex): Promise<SettlementOutcome> {
    const { payouts, receiptsRoot } = settlementValue(order)
    return await this.#settleOnce(order.escrow, 'settle', [payouts, receiptsRoot, signature])
  }

  async settleByWitnesses(
    order: SettlementOrder,
    appointment: Appointment,
    signatures: readonly SettlementSignature[]
  ): Promise<SettlementOutcome> {
    checkAppointment(appointment)
    const { payouts, receiptsRoot } = settlementValue(order)
    const signed = pickSignatures(order, appointment, signatures)
    return await this.#settleOnce(order.escrow, 'settleByWitnesses', [
      payouts,
      receiptsRoot,
      appointmentValue(appointment),
      signed.viewIndex,
      signed.signers,
      signed.signatures
    ])
  }

  async refund(ref: EscrowRef): Promise<{ readonly txHash: Hex; readonly refunded: Amount }> {
    this.#checkOurs(ref)
    const { txHash, args } = await this.#send('refund', [ref.id], 'JobRefunded')
    return { txHash, refunded: args[1] as Amount }
  }

  async withdraw(account: Account): Promise<{ readonly txHash: Hex; readonly amount: Amount }> {
    const { txHash, args } = await this.#send('withdraw', [account], 'CreditWithdrawn')
    return { txHash, amount: args[1] as Amount }
  }

  /** Pay the treasury its share. Anybody may call. */
  async sweepTreasury(): Promise<{ readonly txHash: Hex; readonly amount: Amount }> {
    const { txHash, args } = await this.#send('sweepTreasury', [], 'TreasurySwept')
    return { txHash, amount: args[0] as Amount }
  }

  async #settleOnce(ref: EscrowRef, name: string, values: readonly unknown[]): Promise<SettlementOutcome> {
    this.#checkOurs(ref)
    if ((await this.escrow(ref)).state === 'settled') return await this.#settledBefore(ref)
    try {
      return outcomeOf(
        await this.#sendFor('JobSettled', ESCROW.encodeFunctionData(name, [ref.id, ...values]))
      )
    } catch (error) {
      if (refusedAs(error) !== 'JobNotOpen') throw error
      // Somebody else's settlement came first.
      if ((await this.escrow(ref)).state !== 'settled') throw error
      return await this.#settledBefore(ref)
    }
  }

  async #send(
    name: string,
    values: readonly unknown[],
    event: string
  ): Promise<{ txHash: Hex; args: readonly unknown[] }> {
    const log = await this.#sendFor(event, ESCROW.encodeFunctionData(name, values))
    return { txHash: log.transactionHash, args: ESCROW.parseLog(log)!.args }
  }

  /** Resolves to the event that says what the transaction did. */
  async #sendFor(event: string, data: Hex): Promise<Log> {
    const { logs } = await this.#sender.send({ to: this.contract, data })
    const topic = ESCROW.getEvent(event)!.topicHash
    return logs.find(({ address, topics }) => address === this.contract && topics[0] === topic)!
  }

  async #read(name: string, args: readonly unknown[]): Promise<unknown> {
    return (await this.#rpc.read(this.contract, ESCROW, name, args))[0]
  }

  async #headBlock(): Promise<number> {
    return await this.#rpc.ask(() => this.#rpc.connection.getBlockNumber())
  }

  // Looks only at the blocks that are not deep enough, so it needs neither an archive nor a long search.
  async #isFinal(ref: EscrowRef, headBlock: number): Promise<boolean> {
    if (this.#confirmations === 0) return true
    const fromBlock = Math.max(0, headBlock - this.#confirmations + 1)
    return (await this.#findEvent('JobOpened', ref, fromBlock)) === undefined
  }

  async #lockedBefore(ref: EscrowRef, terms: LockTerms): Promise<{ ref: EscrowRef; txHash: Hex }> {
    const log = await this.#event('JobOpened', ref)
    const block = await this.#rpc.ask(() => this.#rpc.connection.getBlock(log.blockNumber))
    const { amount, refundableAt } = ESCROW.parseLog(log)!.args
    const refundAfterS = Number(refundableAt) - (block?.timestamp ?? Number.NaN)
    if (amount !== terms.amount || refundAfterS !== terms.refundAfterS) throw reverted('JobExists')
    return { ref, txHash: log.transactionHash }
  }

  async #settledBefore(ref: EscrowRef): Promise<SettlementOutcome> {
    return outcomeOf(await this.#event('JobSettled', ref))
  }

  async #event(event: string, ref: EscrowRef): Promise<Log> {
    const log = await this.#findEvent(event, ref, this.#deployedAtBlock)
    if (log !== undefined) return log
    throw new RayswarmError('ERR_NOT_FOUND', `no ${event} of escrow ${ref.id} in the logs`, {
      thing: 'event',
      value: ref.id,
      remedy: 'Use an RPC endpoint that keeps all logs, and the block the contract was deployed in.'
    })
  }

  #findEvent(event: string, ref: EscrowRef, fromBlock: number): Promise<Log | undefined> {
    return this.#rpc.findEvent({ contract: this.contract, abi: ESCROW, event, id: ref.id, fromBlock })
  }

  #checkOurs(ref: EscrowRef): void {
    if (ref.chainId !== this.chainId) throw wrongChainId(this.chainId, ref.chainId)
    if (getAddress(ref.contract) !== this.contract)
      throw new RayswarmError('ERR_USAGE', `escrow is in contract ${ref.contract}, not ${this.contract}`, {
        thing: 'contract',
        value: ref.contract,
        remedy: 'Use the contract that the job was locked in.'
      })
  }
}

function stateOf(creator: Account, instant: number): EscrowState {
  if (creator === ZeroAddress) return 'none'
  if (instant === SETTLED) return 'settled'
  return instant === REFUNDED ? 'refunded' : 'locked'
}

function outcomeOf(log: Log): SettlementOutcome {
  const { receiptsRoot, paid, burned, treasury, refunded, credits } = ESCROW.parseLog(log)!.args
  return {
    txHash: log.transactionHash,
    receiptsRoot,
    paid,
    burned,
    treasury,
    refunded,
    credits: [...credits].map(({ account, amount }) => ({ account, amount }))
  }
}

function checkTerms({ amount, refundAfterS }: LockTerms): void {
  if (amount < 0n || amount > AMOUNT_MAX) throw new RangeError(`amount out of range: ${amount}`)
  if (!Number.isInteger(refundAfterS) || refundAfterS < 0 || refundAfterS > UINT32_MAX)
    throw new RangeError(`refundAfterS out of range: ${refundAfterS}`)
}

function checkAppointment({ views, quorum }: Appointment): void {
  if (!Number.isInteger(quorum) || quorum < 0 || quorum > UINT32_MAX)
    throw new RangeError(`quorum out of range: ${quorum}`)
  if (views.some(view => view.length !== views[0]?.length)) throw new RangeError('views of different sizes')
  for (const witness of views.flat())
    if (!isAddress(witness)) throw new RangeError(`not an account: ${witness}`)
}

function refusedAs(error: unknown): unknown {
  return isRayswarmError(error) && error.code === 'ERR_CHAIN_REVERTED' ? error.value : undefined
}

function notTheContract(init: ChainInit, got: string, cause?: unknown): RayswarmError {
  return new RayswarmError(
    'ERR_USAGE',
    `contract ${init.contract} is not an escrow of token ${init.token}: ${got}`,
    {
      thing: 'contract',
      value: init.contract,
      remedy: 'Use the addresses that the deployment printed.',
      cause
    }
  )
}
