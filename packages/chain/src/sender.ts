import { setTimeout as delay } from 'node:timers/promises'
import { type Account, type Hex, RayswarmError } from '@rayswarm/interface'
import { isError, NonceManager, type TransactionReceipt, Wallet } from 'ethers'
import { chainError, reverted } from './errors.ts'
import { NativeKey } from './native-key.ts'
import type { Rpc } from './rpc.ts'

/** Other people's transactions may change what ours costs before it is mined. Unused gas is not paid. */
const GAS_HEADROOM_PERCENT = 150n
const SENDS_PENDING_MAX = 1_000
const RECEIPT_DELAY_MS_MIN = 4

/** What a transaction does. */
export interface Call {
  /** Absent: deploy. */
  readonly to?: Account
  readonly data?: string
  readonly value?: bigint
}

/**
 * Sends transactions of one key in order and waits until they are mined.
 *
 * Each is tried out first: what would revert is never sent, so it neither costs gas nor leaves a gap in the nonces. A key
 * that two processes use at the same time works most of the time only.
 */
export class Sender {
  readonly account: Account
  readonly wallet: Wallet
  readonly #rpc: Rpc
  readonly #nonces: NonceManager
  #tail: Promise<unknown> = Promise.resolve()
  #pendingCount = 0

  constructor(rpc: Rpc, key: Hex) {
    this.#rpc = rpc
    this.wallet = new Wallet(new NativeKey(key), rpc.connection)
    this.#nonces = new NonceManager(this.wallet)
    this.account = this.wallet.address
  }

  async send(call: Call): Promise<TransactionReceipt> {
    if (this.#pendingCount >= SENDS_PENDING_MAX)
      throw new RayswarmError('ERR_QUOTA', 'too many transactions are waiting', {
        thing: 'pending transactions',
        value: this.#pendingCount,
        remedy: 'Wait for some of them first.'
      })
    this.#pendingCount += 1
    try {
      const estimate = await this.#rpc.connection.estimateGas({ from: this.account, ...call })
      const txHash = await this.#inOrder({ ...call, gasLimit: (estimate * GAS_HEADROOM_PERCENT) / 100n })
      return await this.#mined(txHash, call)
    } catch (error) {
      throw chainError(error, this.#rpc.url)
    } finally {
      this.#pendingCount -= 1
    }
  }

  // One at a time up to the pool, so that a failed send leaves no later one hanging on its nonce.
  #inOrder(call: Call & { readonly gasLimit: bigint }): Promise<Hex> {
    const sent = this.#tail.then(() => this.#toPool(call, true))
    this.#tail = sent.catch(() => {})
    return sent
  }

  async #toPool(call: Call & { readonly gasLimit: bigint }, mayRetry: boolean): Promise<Hex> {
    try {
      return (await this.#nonces.sendTransaction(call)).hash
    } catch (error) {
      this.#nonces.reset()
      // The key was used elsewhere since we counted: count again, once.
      const outrun = isError(error, 'NONCE_EXPIRED') || isError(error, 'REPLACEMENT_UNDERPRICED')
      if (!outrun || !mayRetry) throw error
      return await this.#toPool(call, false)
    }
  }

  // Development chains mine at once: ask soon, then less and less often.
  async #mined(txHash: Hex, call: Call): Promise<TransactionReceipt> {
    const { connection, pollIntervalMs, minedTimeoutMs } = this.#rpc
    let delayMs = RECEIPT_DELAY_MS_MIN
    for (let waitedMs = 0; waitedMs < minedTimeoutMs; waitedMs += delayMs) {
      const receipt = await connection.getTransactionReceipt(txHash)
      if (receipt?.status === 1) return receipt
      if (receipt !== null) {
        // The receipt does not say why: somebody else's transaction came first. Asking again does.
        await connection.call({ from: this.account, ...call })
        throw reverted('unknown')
      }
      await delay(delayMs)
      delayMs = Math.min(2 * delayMs, pollIntervalMs)
    }
    throw new RayswarmError('ERR_TIMEOUT', `transaction ${txHash} is not mined`, {
      thing: 'transaction',
      value: txHash,
      remedy: 'Ask again later: a repeated call finds it if it was mined meanwhile.'
    })
  }
}
