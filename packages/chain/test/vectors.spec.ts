import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Account, Appointment, Chain, Hex, PayoutSplit, SettlementOrder } from '@rayswarm/interface'
import {
  accountOf,
  escrowIdOf,
  MemoryChain,
  settlementDigest,
  appointmentHash as twinHash
} from '@rayswarm/simulation'
import { computeAddress, id as hashOf, verifyTypedData } from 'ethers'
import {
  appointmentHash,
  type Deployment,
  DevChain,
  deploy,
  ESCROW,
  fund,
  openChain,
  settlementHash
} from '../src/index.ts'
import { Rpc } from '../src/rpc.ts'
import { settlementDomain, settlementTypes, settlementValue } from '../src/typed-settlement.ts'

interface Named {
  readonly name: string
}
interface Vectors {
  readonly deployerKey: Hex
  readonly split: PayoutSplit
  readonly id: readonly (Named & { creator: Account; jobHash: Hex; salt: Hex; id: Hex })[]
  readonly settlement: readonly (Named & SettlementVector)[]
  readonly payout: readonly (Named & PayoutVector)[]
  readonly appointment: readonly (Named & Appointment & { readonly hash: Hex })[]
}
interface SettlementVector extends Pick<SettlementOrder, 'escrow' | 'receiptsRoot'> {
  readonly payouts: readonly { readonly account: Account; readonly gross: string }[]
  readonly digest: Hex
  readonly key: Hex
  readonly signature: Hex
}
interface PayoutVector {
  readonly gross: string
  readonly node: string
  readonly burned: string
  readonly treasury: string
}

// This file runs in dist/test.
const PATH = join(import.meta.dirname, '../../../../spec/vectors/escrow.json')
const { deployerKey, split, id, settlement, payout, appointment, ...rest }: Vectors = JSON.parse(
  readFileSync(PATH, 'utf8')
)

describe('spec/vectors/escrow.json', () => {
  let dev: DevChain
  let rpc: Rpc
  let deployment: Deployment

  before(async () => {
    dev = await DevChain.start({ key: deployerKey })
    const { rpcUrl, chainId } = dev
    rpc = await Rpc.open({ rpcUrl, chainId })
    deployment = await deploy({ rpcUrl, chainId, key: dev.key, treasury: accountOf('treasury'), split })
  })
  after(async () => {
    rpc.close()
    await dev.stop()
  })

  it('has no section without a runner', () => assert.deepEqual(rest, {}))

  for (const vector of id) {
    it(`id: ${vector.name}`, async () => {
      const { creator, jobHash, salt } = vector
      assert.equal(escrowIdOf(creator, jobHash, salt), vector.id)
      const args = [creator, jobHash, salt]
      assert.deepEqual([...(await rpc.read(deployment.contract, ESCROW, 'idOf', args))], [vector.id])
    })
  }

  for (const vector of settlement) {
    it(`settlement: ${vector.name}`, async () => {
      const { escrow, receiptsRoot, digest, signature } = vector
      const payouts = vector.payouts.map(({ account, gross }) => ({ account, gross: BigInt(gross) }))
      const order = { escrow, payouts, receiptsRoot }
      assert.equal(settlementHash(order), digest)
      assert.equal(settlementDigest(order), digest)
      const signer = verifyTypedData(
        settlementDomain(escrow),
        settlementTypes(),
        settlementValue(order),
        signature
      )
      assert.equal(signer, computeAddress(vector.key))

      const { contract, chainId } = deployment
      assert.equal(contract, escrow.contract, 'deployed with the key of the vectors')
      const args = [escrow.id, payouts, receiptsRoot]
      const [onChain] = await rpc.read(contract, ESCROW, 'settlementDigest', args)
      assert.equal(onChain === digest, chainId === escrow.chainId)
    })
  }

  describe('appointment', () => {
    for (const { name, hash, ...appointed } of appointment)
      it(name, () => {
        assert.equal(appointmentHash(appointed), hash)
        assert.equal(twinHash(appointed), hash)
      })

    it('all cases, by the contract', async () => {
      const key = hashOf('appointing creator')
      const recipients = [{ account: computeAddress(key), amount: BigInt(appointment.length) }]
      await fund({ rpcUrl: dev.rpcUrl, ...deployment, key: dev.key }, recipients)
      const chain = await openChain({ rpcUrl: dev.rpcUrl, ...deployment, key })
      try {
        for (const { name, hash, ...appointed } of appointment) {
          const terms = { jobHash: hashOf('job'), salt: hashOf(name), amount: 1n, refundAfterS: 60 }
          const { ref } = await chain.lock(terms)
          await chain.appoint(ref, appointed)
          assert.equal((await chain.escrow(ref)).appointed, hash)
        }
      } finally {
        chain.close()
      }
    })
  })

  describe('payout', () => {
    const accounts = payout
      .map(({ name }) => accountOf(name))
      .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    const key = hashOf('creator')
    const amount = payout.reduce((sum, { gross }) => sum + BigInt(gross), 0n)
    const terms = { jobHash: hashOf('job'), salt: hashOf('salt'), amount, refundAfterS: 60 }

    async function check(chain: Chain): Promise<void> {
      const { ref } = await chain.lock(terms)
      const payouts = payout.map(({ gross }, i) => ({ account: accounts[i]!, gross: BigInt(gross) }))
      const order = { escrow: ref, payouts, receiptsRoot: hashOf('receipts') }
      const outcome = await chain.settle(order, await chain.signSettlement(order))
      const credited = outcome.credits.map((credit, i) => [payout[i]!.name, String(credit.amount)])
      assert.deepEqual(
        credited,
        payout.map(({ name, node }) => [name, node])
      )
      const sum = (share: 'burned' | 'treasury'): bigint =>
        payout.reduce((total, vector) => total + BigInt(vector[share]), 0n)
      assert.deepEqual([outcome.burned, outcome.treasury], [sum('burned'), sum('treasury')])
    }

    it('all cases, by the contract', async () => {
      const recipients = [{ account: computeAddress(key), amount }]
      await fund({ rpcUrl: dev.rpcUrl, ...deployment, key: dev.key }, recipients)
      const chain = await openChain({ rpcUrl: dev.rpcUrl, ...deployment, key })
      await check(chain).finally(() => chain.close())
    })

    it('all cases, by the twin', async () => {
      const chain = new MemoryChain({ nowMs: () => 0, split })
      chain.fund(accountOf('creator'), amount)
      await check(chain.viewOf(accountOf('creator')))
    })
  })
})

function keyOf(account: Account): string {
  return account.toLowerCase()
}
