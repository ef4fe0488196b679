import { join } from 'node:path'
import { type Deployment, DevChain, deploy, openChain } from '@rayswarm/chain'
import { isRayswarmError } from '@rayswarm/interface'
import type { CommandIo, CommonOptions, Outcome } from '../cli/command.ts'
import { readJson, writeWhole } from '../disk.ts'
import { present } from '../present.ts'
import { CHAIN_FILE, type ChainFile } from './chain-file.ts'
import { RpcGate } from './rpc-gate.ts'
import { readTestnet } from './testnet-file.ts'

const GAS_WEI = 10n ** 19n

/** Hidden command: a testnet's chain, until it is stopped. Continues where an earlier one of the directory ended. */
export async function testnetChain(
  options: CommonOptions & { readonly dir: string; readonly host: string },
  io: CommandIo
): Promise<Outcome> {
  const path = join(options.dir, CHAIN_FILE)
  const earlier = (await readJson(path, 'chain file').catch(() => undefined)) as ChainFile | undefined
  const statePath = join(options.dir, 'chain-state.json')
  const dev = await DevChain.start({ statePath, ...present({ key: earlier?.key }) })
  const gate = options.host === '127.0.0.1' ? undefined : await RpcGate.open(options.host, dev.rpcUrl)
  try {
    const { Wallet } = await import('ethers')
    const treasury = earlier?.treasury ?? Wallet.createRandom().address
    const { rpcUrl, chainId, key } = dev
    const deployment = (await stillThere(dev, earlier)) ?? (await deploy({ rpcUrl, chainId, key, treasury }))
    await giveGas(dev, options.dir)
    const file: ChainFile = { pid: process.pid, rpcUrl: gate?.url ?? rpcUrl, key, treasury, deployment }
    await writeWhole(path, `${JSON.stringify(file, undefined, 2)}\n`, { thing: 'chain file', mode: 0o600 })
    io.tell({ event: 'ready', ...file })
    if (!io.signal.aborted)
      await new Promise<void>(resolve => io.signal.addEventListener('abort', () => resolve(), { once: true }))
    return { json: { rpcUrl: file.rpcUrl }, text: 'chain stopped' }
  } finally {
    await gate?.close()
    await dev.stop()
  }
}

/** Coins for everybody's gas: a faucet that all ask at once, with its one key, keeps them waiting. */
async function giveGas(dev: DevChain, dir: string): Promise<void> {
  const { peers } = await readTestnet(dir)
  for (const { account } of peers) await dev.giveCoins(account, GAS_WEI)
}

/** The contracts of an earlier run, if its state was kept. */
async function stillThere(dev: DevChain, earlier: ChainFile | undefined): Promise<Deployment | undefined> {
  if (earlier === undefined) return undefined
  const { contract, token } = earlier.deployment
  try {
    const { rpcUrl, chainId, key } = dev
    const chain = await openChain({ rpcUrl, chainId, contract, token, key })
    chain.close()
    return earlier.deployment
  } catch (error) {
    if (isRayswarmError(error)) return undefined
    throw error
  }
}
