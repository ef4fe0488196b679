import { accountOf } from '../src/escrow-hash.ts'
import { type ChainWorld, chainSuite, MemoryChain } from '../src/index.ts'

async function open(): Promise<ChainWorld> {
  let nowMs = 1_800_000_000_000
  const chain = new MemoryChain({ nowMs: () => nowMs })
  return {
    views: ['creator', 'node-1', 'node-2', 'stranger'].map(name => chain.viewOf(accountOf(name))),
    treasury: chain.treasury,
    fund: async (account, amount) => chain.fund(account, amount),
    advance: async seconds => {
      nowMs += seconds * 1_000
    },
    nowS: async () => Math.floor(nowMs / 1_000),
    supply: async () => chain.supply,
    sweepTreasury: async () => chain.sweepTreasury(),
    close: async () => {}
  }
}

chainSuite('MemoryChain', open)
