import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Account, Hex } from '@rayswarm/interface'
import { AbiCoder, computeAddress, concat, Interface, id, Wallet } from 'ethers'
import { type Artifact, artifactText, compile, PUBLISHED } from '../compile.ts'
import { REGISTRY_BYTECODE } from '../src/artifacts.ts'
import { reverted } from '../src/errors.ts'
import { DevChain, deploy, ESCROW, REGISTRY, settlementHash, TOKEN } from '../src/index.ts'
import { Rpc } from '../src/rpc.ts'
import { Sender } from '../src/sender.ts'
import { deployEscrow, TREASURY } from './world.ts'

// This file runs in dist/test.
const ROOT = join(import.meta.dirname, '../..')
const ABI = AbiCoder.defaultAbiCoder()
const [JOB_HASH, SALT] = [id('job'), id('salt')]
const YEAR_S = 365 * 24 * 3_600

describe('contracts', () => {
  let artifacts: Map<string, Artifact>
  let dev: DevChain
  let rpc: Rpc
  /** Deployed and minted by this account. */
  let owner: Sender
  let token: Account
  let contract: Account

  before(async () => {
    artifacts = compile(ROOT)
    dev = await DevChain.start()
    const { rpcUrl, chainId } = dev
    rpc = await Rpc.open({ rpcUrl, chainId })
    owner = new Sender(rpc, dev.key)
    ;({ token, contract } = await deploy({ rpcUrl, chainId, key: dev.key, treasury: TREASURY }))
    await call(token, TOKEN, 'mint', [owner.account, 1_000_000n])
  })
  after(async () => {
    rpc.close()
    await dev.stop()
  })

  for (const name of PUBLISHED) {
    it(`${name}: the committed artifact is what the sources compile to`, () => {
      const committed = readFileSync(join(ROOT, 'artifacts', `${name}.json`), 'utf8')
      assert.equal(committed, artifactText(artifacts.get(name)!), 'run: node compile.ts')
    })
  }

  describe('WorkToken', () => {
    it('is minted by its deployer alone, and only as far as 64 bits go', async () => {
      const stranger = await newcomer()
      await refused(call(token, TOKEN, 'mint', [stranger.account, 1n], stranger), 'NotMinter')
      await refused(call(token, TOKEN, 'mint', [owner.account, 2n ** 64n - 1n]), 'SupplyTooLarge')
    })

    it('has six decimals', async () => {
      assert.deepEqual([...(await rpc.read(token, TOKEN, 'decimals', []))], [6n])
    })
  })

  describe('JobEscrow', () => {
    it('refuses a split that does not add up or feeds the treasury too well', async () => {
      for (const split of [
        [9_000, 500, 501],
        [9_000, 500, 499],
        [8_999, 0, 1_001],
        [10_001, 0, 0],
        [2n ** 256n - 1n, 10_001, 0]
      ]) {
        await refused(deployEscrow(owner, token, TREASURY, split), 'BadSplit')
      }
      await deployEscrow(owner, token, TREASURY, [9_000, 0, 1_000])
      await deployEscrow(owner, token, TREASURY, [0, 10_000, 0])
    })

    it('needs a token and a treasury', async () => {
      const nobody = `0x${'0'.repeat(40)}`
      await refused(deployEscrow(owner, nobody), 'ZeroAccount')
      await refused(deployEscrow(owner, token, nobody), 'ZeroAccount')
    })

    it('opens by allowance', async () => {
      await call(token, TOKEN, 'approve', [contract, 500n])
      await call(contract, ESCROW, 'open', [JOB_HASH, id('by allowance'), 500n, YEAR_S])
      const [creator, locked] = await rpc.read(contract, ESCROW, 'jobs', [
        await idOf(owner.account, id('by allowance'))
      ])
      assert.deepEqual([creator, locked], [owner.account, 500n])
      await refused(call(contract, ESCROW, 'open', [JOB_HASH, SALT, 1n, 60]), 'ERC20InsufficientAllowance')
    })

    it('believes nobody but its token about a transfer', async () => {
      const data = termsOf(SALT)
      const args = [owner.account, owner.account, 1_000n, data]
      await refused(call(contract, ESCROW, 'onTransferReceived', args), 'NotToken')
    })

    it('refuses tokens that come without proper terms', async () => {
      for (const data of ['0x', '0x00', `${termsOf(SALT)}00`]) {
        await refused(call(token, TOKEN, TRANSFER_AND_CALL, [contract, 1n, data]), 'BadTerms')
      }
    })

    it('lets nobody open a job in the name of a creator', async () => {
      const stranger = await newcomer()
      const args = [owner.account, contract, 0n, termsOf(SALT)]
      const squat = call(token, TOKEN, 'transferFromAndCall(address,address,uint256,bytes)', args, stranger)
      await refused(squat, 'ZeroAmount')
    })

    it('takes no token that keeps a fee', async () => {
      const { hostile, escrow } = await withToken('FeeToken')
      await refused(call(escrow, ESCROW, 'open', [JOB_HASH, SALT, 100n, 60]), 'InexactTransfer')
      assert.deepEqual([...(await rpc.read(hostile, TOKEN, 'balanceOf', [escrow]))], [0n])
    })

    it('is not entered twice', async () => {
      const { hostile, escrow } = await withToken('ReentrantToken')
      await call(escrow, ESCROW, 'open', [JOB_HASH, SALT, 100n, 60])
      const jobId = await idOf(owner.account, SALT)
      await dev.advance(61)
      const appointment = { witnesses: [owner.account], viewSize: 1, quorum: 1 }
      for (const attack of [
        ESCROW.encodeFunctionData('refund', [jobId]),
        ESCROW.encodeFunctionData('withdraw', [owner.account]),
        ESCROW.encodeFunctionData('sweepTreasury', []),
        ESCROW.encodeFunctionData('settle', [jobId, [], id('root'), '0x']),
        ESCROW.encodeFunctionData('settleByWitnesses', [jobId, [], id('root'), appointment, 0, 0, []]),
        ESCROW.encodeFunctionData('appoint', [jobId, appointment]),
        ESCROW.encodeFunctionData('open', [JOB_HASH, id('again'), 1n, 60])
      ]) {
        await call(hostile, REENTRANT, 'arm', [escrow, attack])
        const data = await revertData(escrow, ESCROW.encodeFunctionData('refund', [jobId]))
        const [reason] = REENTRANT.decodeErrorResult('AttackFailed', data)
        assert.equal(ESCROW.parseError(reason)?.name, 'ReentrancyGuardReentrantCall')
      }
    })

    it('takes the word of a creator that is a contract, ERC-1271', async () => {
      const signer = new Wallet(id('wallet owner'))
      const wallet = await deployArtifact('SignerWallet', ABI.encode(['address'], [signer.address]))
      await call(token, TOKEN, 'mint', [wallet, 1_000n])
      const walletAbi = new Interface(artifacts.get('SignerWallet')!.abi as never)
      await call(wallet, walletAbi, 'lock', [token, contract, 1_000n, termsOf(SALT)])

      const jobId = await idOf(wallet, SALT)
      const digest = await rpc.read(contract, ESCROW, 'settlementDigest', [jobId, [], id('root')])
      const signature = signer.signingKey.sign(String(digest[0])).serialized
      const foreign = new Wallet(id('thief')).signingKey.sign(String(digest[0])).serialized
      await refused(call(contract, ESCROW, 'settle', [jobId, [], id('root'), foreign]), 'BadSignature')
      await call(contract, ESCROW, 'settle', [jobId, [], id('root'), signature])
      assert.deepEqual([...(await rpc.read(token, TOKEN, 'balanceOf', [wallet]))], [1_000n])
    })

    it('hashes what is signed as ethers does', async () => {
      for (const count of [0, 1, 7]) {
        const payouts = Array.from({ length: count }, (_, i) => ({
          account: computeAddress(id(`account ${i}`)),
          gross: 2n ** 64n - 1n - BigInt(i)
        }))
        const receiptsRoot = id('root')
        const escrow = { chainId: dev.chainId, contract, id: id('escrow') }
        const args = [escrow.id, payouts, receiptsRoot]
        const [digest] = await rpc.read(contract, ESCROW, 'settlementDigest', args)
        assert.equal(digest, settlementHash({ escrow, payouts, receiptsRoot }))
      }
    })

    it('refuses the mirrored form of a signature', async () => {
      const signer = new Wallet(dev.key)
      await call(token, TOKEN, TRANSFER_AND_CALL, [contract, 10n, termsOf(id('mirrored'))])
      const jobId = await idOf(owner.account, id('mirrored'))
      const [digest] = await rpc.read(contract, ESCROW, 'settlementDigest', [jobId, [], id('root')])
      const { r, s, yParity } = signer.signingKey.sign(String(digest))
      const mirroredS = ABI.encode(['uint256'], [SECP256K1_ORDER - BigInt(s)])
      const mirrored = concat([r, mirroredS, yParity === 0 ? '0x1c' : '0x1b'])
      await refused(call(contract, ESCROW, 'settle', [jobId, [], id('root'), mirrored]), 'BadSignature')
    })
  })

  describe('NodeRegistry', () => {
    const terms = [id('peer key'), id('operator'), '', `0x${'00'.repeat(64)}`]

    it('takes no token that keeps a fee', async () => {
      const { registry } = await withRegistry('FeeToken')
      await refused(call(registry, REGISTRY, 'register', [...terms, 100n]), 'InexactTransfer')
    })

    it('is not entered twice', async () => {
      const { hostile, registry } = await withRegistry('ReentrantToken')
      await call(registry, REGISTRY, 'register', [...terms, 100n])
      await call(registry, REGISTRY, 'unbond', [])
      const signed = { content: id('content'), r: id('r'), vs: id('vs') }
      for (const attack of [
        REGISTRY.encodeFunctionData('withdrawStake', [owner.account]),
        REGISTRY.encodeFunctionData('slash', [owner.account, id('replica'), signed, signed]),
        REGISTRY.encodeFunctionData('unbond', []),
        REGISTRY.encodeFunctionData('register', [...terms, 0n])
      ]) {
        await call(hostile, REENTRANT, 'arm', [registry, attack])
        const data = await revertData(registry, REGISTRY.encodeFunctionData('withdrawStake', [owner.account]))
        const [reason] = REENTRANT.decodeErrorResult('AttackFailed', data)
        assert.equal(REGISTRY.parseError(reason)?.name, 'ReentrancyGuardReentrantCall')
      }
    })
  })

  async function newcomer(): Promise<Sender> {
    const sender = new Sender(rpc, id('newcomer'))
    await dev.giveCoins(sender.account, 10n ** 18n)
    return sender
  }

  async function call(
    to: Account,
    abi: Interface,
    name: string,
    args: readonly unknown[],
    sender = owner
  ): Promise<void> {
    await sender.send({ to, data: abi.encodeFunctionData(name, args) })
  }

  async function deployArtifact(name: string, args: Hex = '0x'): Promise<Account> {
    const data = concat([artifacts.get(name)!.bytecode, args])
    return (await owner.send({ data })).contractAddress!
  }

  /** An escrow of another token, which the owner holds and allows the escrow to pull. */
  async function withToken(name: string): Promise<{ hostile: Account; escrow: Account }> {
    const hostile = await deployArtifact(name)
    const escrow = await deployEscrow(owner, hostile)
    await call(hostile, TOKEN, 'mint', [owner.account, 1_000n])
    await call(hostile, TOKEN, 'approve', [escrow, 1_000n])
    return { hostile, escrow }
  }

  /** A registry of another token without unbonding time, which the owner allows it to pull. */
  async function withRegistry(name: string): Promise<{ hostile: Account; registry: Account }> {
    const hostile = await deployArtifact(name)
    const args = ABI.encode(['address', 'uint256', 'uint256', 'uint64'], [hostile, 60, 0, 1])
    const registry = (await owner.send({ data: concat([REGISTRY_BYTECODE, args]) })).contractAddress!
    await call(hostile, TOKEN, 'mint', [owner.account, 1_000n])
    await call(hostile, TOKEN, 'approve', [registry, 1_000n])
    return { hostile, registry }
  }

  async function idOf(creator: Account, salt: Hex): Promise<Hex> {
    return String((await rpc.read(contract, ESCROW, 'idOf', [creator, JOB_HASH, salt]))[0])
  }

  async function revertData(to: Account, data: Hex): Promise<Hex> {
    const error = await rpc.connection.call({ to, data, from: owner.account }).then(
      () => undefined,
      (cause: { data: Hex }) => cause
    )
    assert.ok(error !== undefined, 'it went through')
    return error.data
  }
})

const TRANSFER_AND_CALL = 'transferAndCall(address,uint256,bytes)'
const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const REENTRANT = new Interface(['function arm(address, bytes)', 'error AttackFailed(bytes reason)'])

function termsOf(salt: Hex): Hex {
  return ABI.encode(['bytes32', 'bytes32', 'uint32'], [JOB_HASH, salt, 60])
}

async function refused(sent: Promise<unknown>, name: string): Promise<void> {
  const { code, value } = reverted(name)
  await assert.rejects(sent, { code, value })
}
