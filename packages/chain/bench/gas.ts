/**
 * Gas of every operation, against its goal.
 *
 * Run: `node packages/chain/dist/bench/gas.js`. The test suite fails when a figure is above its goal.
 */
import type { Account, Hex } from '@rayswarm/interface'
import { WITNESS_VIEW_COUNT_MAX } from '@rayswarm/params'
import { nodeIdentity } from '@rayswarm/wire'
import { AbiCoder, computeAddress, id, Wallet } from 'ethers'
import {
  type Deployment,
  DevChain,
  deploy,
  ESCROW,
  type EthersChain,
  fund,
  openChain,
  openRegistry,
  TOKEN
} from '../src/index.ts'
import { Rpc } from '../src/rpc.ts'
import type { Sender } from '../src/sender.ts'
import {
  appointmentValue,
  pickSignatures,
  settlementDomain,
  settlementTypes,
  settlementValue
} from '../src/typed-settlement.ts'

const NODE_COUNT = 10
const SUBTASK_COUNT = 100
const BUDGET = 1_000_000n
const GROSS = 90_001n
const REFUND_AFTER_S = 60
const UNBONDING_S = 60
const RECEIPTS_ROOT = id('receipts')
const NODES: readonly Account[] = Array.from({ length: NODE_COUNT }, (_, i) =>
  computeAddress(id(`node ${i}`))
).toSorted((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))

export interface GasFigure {
  readonly operation: string
  readonly gas: number
  /** Highest that is allowed. spec/escrow.md#gas, spec/registry.md#gas */
  readonly goal: number
}

const GOALS: Readonly<Record<string, number>> = {
  'deploy token': 1_380_000,
  'deploy escrow': 2_200_000,
  'lock, first of an account': 86_000,
  'lock, next': 69_000,
  'settle 10 nodes, never paid before': 346_000,
  'settle 10 nodes, paid before': 154_000,
  'settle nobody': 58_000,
  refund: 46_000,
  'withdraw, first': 58_000,
  'withdraw, next': 41_000,
  'sweep treasury': 57_000,
  'appoint 7 witnesses': 66_000,
  'appoint 13 witnesses': 83_000,
  'appoint 4 x 7 witnesses': 104_000,
  'appoint 4 x 13 witnesses': 170_000,
  'settle 10 nodes by 5 of 7 witnesses': 183_000,
  'settle 10 nodes by 9 of 13 witnesses': 208_000,
  'settle 10 nodes by 5 of 4 x 7 witnesses': 195_000,
  'settle 10 nodes by 9 of 4 x 13 witnesses': 230_000,
  'deploy registry': 1_500_000,
  'register, first of an account': 91_000,
  'register, again': 56_000,
  unbond: 30_000,
  'withdraw stake': 37_000,
  'slash an equivocation': 64_000
}

/** Measure on a chain of our own. */
export async function gasFigures(): Promise<GasFigure[]> {
  // The same addresses every time: their zero bytes are cheaper.
  await using dev = await DevChain.start({ key: id('gas') })
  const meter = await GasMeter.open(dev)
  try {
    const first = await meter.lock('lock, first of an account')
    const second = await meter.lock('lock, next')
    await meter.settle('settle 10 nodes, never paid before', first, NODE_COUNT)
    await meter.settle('settle 10 nodes, paid before', second, NODE_COUNT)
    await meter.settle('settle nobody', await meter.lock(), 0)
    for (const viewCount of [1, WITNESS_VIEW_COUNT_MAX]) {
      await meter.settleByWitnesses(viewCount, 7, 5)
      await meter.settleByWitnesses(viewCount, 13, 9)
    }
    await meter.send('withdraw, first', 'withdraw', [NODES[0]])
    await meter.send('sweep treasury', 'sweepTreasury', [])
    await meter.settle(undefined, await meter.lock(), NODE_COUNT)
    await meter.send('withdraw, next', 'withdraw', [NODES[0]])
    const timedOut = await meter.lock()
    await dev.advance(REFUND_AFTER_S + 1)
    await meter.send('refund', 'refund', [timedOut])
    await meter.registry(dev)
    return meter.figures
  } finally {
    meter.close()
  }
}

/** Sends what a creator sends and notes the gas of what has a name. */
class GasMeter {
  readonly figures: GasFigure[] = []
  #jobCount = 0

  private constructor(
    readonly rpc: Rpc,
    readonly chain: EthersChain,
    readonly sender: Sender,
    readonly deployment: Deployment
  ) {}

  static async open(dev: DevChain): Promise<GasMeter> {
    const { rpcUrl, chainId } = dev
    const [key, treasury] = [id('creator'), computeAddress(id('treasury'))]
    const terms = { epochS: 10, unbondingS: UNBONDING_S, stakeMin: BUDGET }
    const deployment = await deploy({ rpcUrl, chainId, key: dev.key, treasury, registry: terms })
    const recipients = [{ account: computeAddress(key), amount: 100n * BUDGET }]
    await fund({ rpcUrl, ...deployment, key: dev.key }, recipients)
    const rpc = await Rpc.open({ rpcUrl, chainId })
    const chain = await openChain({ rpcUrl, ...deployment, key })
    const meter = new GasMeter(rpc, chain, chain.link.sender, deployment)
    for (const [index, operation] of ['deploy token', 'deploy escrow', 'deploy registry'].entries()) {
      // One transaction per block.
      const block = await rpc.connection.getBlock(deployment.deployedAtBlock - 1 + index)
      meter.#note(operation, block!.gasUsed)
    }
    return meter
  }

  close(): void {
    this.chain.close()
    this.rpc.close()
  }

  async send(operation: string | undefined, name: string, args: readonly unknown[]): Promise<void> {
    await this.#send(operation, this.chain.contract, ESCROW.encodeFunctionData(name, args))
  }

  async lock(operation?: string): Promise<Hex> {
    this.#jobCount += 1
    const [jobHash, salt] = [id('job'), id(`salt ${this.#jobCount}`)]
    const { id: escrowId } = this.chain.escrowRef({
      jobHash,
      salt,
      amount: BUDGET,
      refundAfterS: REFUND_AFTER_S
    })
    const types = ['bytes32', 'bytes32', 'uint32']
    const terms = AbiCoder.defaultAbiCoder().encode(types, [jobHash, salt, REFUND_AFTER_S])
    const args = [this.chain.contract, BUDGET, terms]
    const data = TOKEN.encodeFunctionData('transferAndCall(address,uint256,bytes)', args)
    await this.#send(operation, this.deployment.token, data)
    return escrowId
  }

  async settle(operation: string | undefined, escrowId: Hex, nodeCount: number): Promise<void> {
    const { chainId, contract } = this.chain
    const payouts = payoutsTo(nodeCount)
    const escrow = { chainId, contract, id: escrowId }
    const signature = await this.chain.signSettlement({ escrow, payouts, receiptsRoot: RECEIPTS_ROOT })
    await this.send(operation, 'settle', [escrowId, payouts, RECEIPTS_ROOT, signature])
  }

  /** The last view settles. */
  async settleByWitnesses(viewCount: number, viewSize: number, quorum: number): Promise<void> {
    const named = viewCount === 1 ? `${viewSize}` : `${viewCount} x ${viewSize}`
    const wallets = Array.from({ length: viewCount * viewSize }, (_, i) => new Wallet(id(`witness ${i}`)))
    const accounts = wallets.map(({ address }) => address)
    const views = Array.from({ length: viewCount }, (_, i) =>
      accounts.slice(i * viewSize, (i + 1) * viewSize)
    )
    const appointment = { views, quorum }
    const { chainId, contract } = this.chain
    const escrow = { chainId, contract, id: await this.lock() }
    await this.send(`appoint ${named} witnesses`, 'appoint', [escrow.id, appointmentValue(appointment)])

    const order = { escrow, payouts: payoutsTo(NODE_COUNT), receiptsRoot: RECEIPTS_ROOT }
    const collected = await Promise.all(
      wallets.slice(-viewSize).map(async wallet => ({
        account: wallet.address,
        signature: await wallet.signTypedData(
          settlementDomain(escrow),
          settlementTypes(),
          settlementValue(order)
        )
      }))
    )
    const { viewIndex, signers, signatures } = pickSignatures(order, appointment, collected)
    const operation = `settle ${NODE_COUNT} nodes by ${quorum} of ${named} witnesses`
    const { payouts, receiptsRoot } = order
    const signed = [appointmentValue(appointment), viewIndex, signers, signatures]
    await this.send(operation, 'settleByWitnesses', [escrow.id, payouts, receiptsRoot, ...signed])
  }

  async registry(dev: DevChain): Promise<void> {
    const { registry } = this.deployment
    const { account } = this.sender
    const identity = nodeIdentity(new Uint8Array(32).fill(7))
    const adapter = await openRegistry(this.chain, { registry, identity })
    const terms = { stake: BUDGET, classes: ['pathtracer/1/wasm'], operator: 'operator' }
    const note = async (operation: string, sent: Promise<{ readonly txHash: Hex }>): Promise<void> => {
      const receipt = await this.rpc.connection.getTransactionReceipt((await sent).txHash)
      this.#note(operation, receipt!.gasUsed)
    }
    await note('register, first of an account', adapter.register(terms))
    await note('register, again', adapter.register(terms))
    await note('unbond', adapter.leave())
    await dev.advance(UNBONDING_S + 1)
    await note('withdraw stake', adapter.withdrawStake(account))
    await adapter.register(terms)
    const vote = async (content: Hex): Promise<{ content: Hex; signature: Hex }> => ({
      content,
      signature: await adapter.signVote({ replica: id('replica'), content })
    })
    const votes = [await vote(id('content 1')), await vote(id('content 2'))] as const
    await note('slash an equivocation', adapter.slash(account, id('replica'), votes))
  }

  async #send(operation: string | undefined, to: Account, data: Hex): Promise<void> {
    const { gasUsed } = await this.sender.send({ to, data })
    if (operation !== undefined) this.#note(operation, gasUsed)
  }

  #note(operation: string, gas: bigint): void {
    this.figures.push({ operation, gas: Number(gas), goal: GOALS[operation]! })
  }
}

function payoutsTo(nodeCount: number): { account: Account; gross: bigint }[] {
  return NODES.slice(0, nodeCount).map(account => ({ account, gross: GROSS }))
}

if (process.argv[1] === import.meta.filename) {
  for (const { operation, gas, goal } of await gasFigures()) {
    const perSubtask = operation.startsWith('settle 10') ? `  ${gas / SUBTASK_COUNT} per subtask of 100` : ''
    console.log(
      `${operation.padEnd(36)} ${String(gas).padStart(9)}  goal ${String(goal).padStart(9)}${perSubtask}`
    )
  }
}
