import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Deployment, DevChain, deploy, fund, openChain } from '@rayswarm/chain'
import type { Amount, EscrowRef, JobId } from '@rayswarm/interface'
import { cidOf, escrowSaltOf, jobHashOf, nodeIdentity } from '@rayswarm/wire'
import { type Home, openHome } from '../src/compose.ts'
import { askPeer, postTo } from '../src/status/ask.ts'
import { type SwarmFile, writeSwarmFile } from '../src/swarm-file.ts'
import { run, type Started, start, temporaryDir } from './support/program.ts'

const TREASURY = '0x52908400098527886E0F7030069857D2E4169EE7'
const STAKE_MIN = 1_000_000n
const UNBONDING_S = 600
const POLL_MS = 200
const NOBODY = nodeIdentity(new Uint8Array(32).fill(7)).peerId

describe('account', function () {
  this.timeout(90_000)
  const dir = temporaryDir()
  const at = (...parts: string[]): string => join(dir.path, ...parts)
  let dev: DevChain
  let deployment: Deployment
  let swarm: SwarmFile

  before(async () => {
    dev = await DevChain.start()
    const { rpcUrl, chainId, key } = dev
    const registry = { epochS: 1, unbondingS: UNBONDING_S, stakeMin: STAKE_MIN }
    deployment = await deploy({ rpcUrl, chainId, key, treasury: TREASURY, registry })
    const { contract, token } = deployment
    const chain = { chainId, rpcUrl, token, escrow: contract, registry: deployment.registry }
    const bootstrap = [`/ip4/127.0.0.1/tcp/1/p2p/${NOBODY}`]
    swarm = { netId: 'account', preset: 'testnet', chain, bootstrap, faucetKey: key }
    await writeSwarmFile(at('swarm.json'), swarm)
    const { registry: _, ...unregistered } = chain
    await writeSwarmFile(at('unregistered.json'), { ...swarm, chain: unregistered })
  })
  after(async () => {
    await dev?.stop()
    dir.remove()
  })

  const on = (home: string, ...args: string[]): ReturnType<typeof run> =>
    run(...args, '--data', at(home), '--swarm', at('swarm.json'), '--json')

  async function refuses(ended: ReturnType<typeof run>, code: string, message: RegExp): Promise<void> {
    const { json, exitCode, stderr } = await ended
    assert.equal(json?.error?.code, code, stderr)
    assert.match(json.error.message, message)
    assert.ok(json.error.thing && json.error.value !== undefined && json.error.remedy, stderr)
    assert.equal(exitCode, code === 'ERR_USAGE' ? 2 : 1)
  }

  async function withHome<T>(home: string, fn: (home: Home) => Promise<T>): Promise<T> {
    const opened = await openHome({ dir: at(home), swarm })
    try {
      return await fn(opened)
    } finally {
      await opened.close()
    }
  }

  describe('stake', () => {
    it('starts with nothing', async () => {
      const { json, exitCode } = await on('node', 'stake', 'status')
      assert.equal(exitCode, 0)
      assert.deepEqual([json.state, json.stake, json.counted], ['none', '0', false])
      assert.equal(json.stakeMin, String(STAKE_MIN))
    })

    it('takes no less than the registry asks for', async () => {
      await refuses(on('node', 'stake', 'register', '--amount', '0.5'), 'ERR_USAGE', /asks for 1/)
      await refuses(on('node', 'stake', 'register', '--amount', 'much'), 'ERR_USAGE', /much/)
      await refuses(on('node', 'stake', 'leave'), 'ERR_CHAIN_REVERTED', /has no stake/)
    })

    it('registers the peer with its engines and its operator', async () => {
      const { json, stderr } = await on('node', 'stake', 'register', '--amount', '5', '--operator', 'us')
      assert.equal(json.state, 'bonded', stderr)
      assert.match(stderr, /its faucet gave/)
      assert.equal(json.stake, '5000000')
      assert.ok(json.countsFromEpoch > json.epoch && /^0x/.test(json.txHash))
      await dev.advance(5)
      const status = await on('node', 'stake', 'status')
      assert.equal(status.json.counted, true)
      assert.ok(status.json.classes.some((name: string) => name.startsWith('pathtracer/')))
      assert.match(status.json.operatorTag, /^0x[\da-f]{64}$/)
    })

    it('adds to it, and pays all of it back once the peer has left for long enough', async () => {
      const more = await on('node', 'stake', 'register', '--amount', '2', '--operator', 'us')
      assert.equal(more.json.stake, '7000000')
      await refuses(on('node', 'stake', 'withdraw'), 'ERR_CHAIN_REVERTED', /has not left/)
      const left = await on('node', 'stake', 'leave')
      assert.equal(left.json.state, 'leaving')
      assert.ok(Date.parse(left.json.withdrawableAt) > Date.now())
      await refuses(on('node', 'stake', 'withdraw'), 'ERR_CHAIN_REVERTED', /stays until/)
      await refuses(on('node', 'stake', 'register', '--amount', '1'), 'ERR_CHAIN_REVERTED', /is leaving/)
      await dev.advance(UNBONDING_S + 1)
      const paid = await on('node', 'stake', 'withdraw')
      assert.deepEqual([paid.json.state, paid.json.withdrawn, paid.json.stake], ['none', '7000000', '0'])
    })

    it('needs a registry', async () => {
      const elsewhere = ['--swarm', at('unregistered.json'), '--data', at('node'), '--json']
      await refuses(run('stake', 'status', ...elsewhere), 'ERR_USAGE', /no registry/)
      await refuses(run('join', '--stake', '5', ...elsewhere), 'ERR_USAGE', /no registry/)
    })
  })

  describe('refund', () => {
    const [early, late] = ['early', 'late'].map(name => cidOf({ name })) as [JobId, JobId]
    const lock = (job: JobId, amount: Amount, refundAfterS: number): Promise<EscrowRef> =>
      withHome('creator', async ({ chain, account }) => {
        const { rpcUrl, chainId, key } = dev
        await fund({ rpcUrl, chainId, key, token: deployment.token }, [{ account: account.account, amount }])
        const terms = { jobHash: jobHashOf(job), salt: escrowSaltOf(job), amount, refundAfterS }
        return (await chain.lock(terms)).ref
      })

    it('gives nothing back before its time, and says when that is', async () => {
      await lock(early, 3_000_000n, 4_000)
      await lock(late, 4_000_000n, 400_000)
      await refuses(on('creator', 'refund', early), 'ERR_CHAIN_REVERTED', /the 3 tokens .* locked until 20/)
      const { json } = await on('creator', 'refund', '--all')
      assert.equal(json.amount, '0')
      assert.deepEqual(
        json.waiting.map((escrow: { job: string }) => escrow.job),
        [late, early]
      )
    })

    it('gives back what is overdue, and only that', async () => {
      await dev.advance(4_001)
      const { json, stderr } = await on('creator', 'refund', '--all')
      assert.equal(json?.amount, '3000000', stderr)
      assert.deepEqual([json.refunded[0].job, json.waiting[0].job], [early, late])
      assert.ok(Date.parse(json.waiting[0].refundableAt) > 0)
      await dev.advance(400_001)
      const one = await on('creator', 'refund', late)
      assert.equal(one.json.amount, '4000000', one.stderr)
      await refuses(on('creator', 'refund', late), 'ERR_NOT_FOUND', /is refunded/)
    })

    it('needs a job of this account', async () => {
      await refuses(on('creator', 'refund', cidOf({ name: 'never' })), 'ERR_NOT_FOUND', /locked nothing/)
      await refuses(on('creator', 'refund', 'nonsense'), 'ERR_USAGE', /nonsense/)
      await refuses(on('creator', 'refund'), 'ERR_USAGE', /--all/)
      await refuses(on('creator', 'refund', late, '--all'), 'ERR_USAGE', /--all/)
    })
  })

  describe('of a running node', () => {
    let node: Started
    const stderr: string[] = []

    before(async () => {
      const place = ['--swarm', at('swarm.json'), '--data', at('running'), '--listen', '/ip4/127.0.0.1/tcp/0']
      node = start(['join', ...place, '--stake', '2', '--engine', 'noop', '--ready-file', at('ready.json')])
      node.child.stderr?.on('data', chunk => stderr.push(String(chunk)))
      while (!existsSync(at('ready.json'))) {
        assert.equal(node.child.exitCode, null, stderr.join(''))
        await delay(POLL_MS)
      }
    })
    after(async () => {
      node.child.kill('SIGTERM')
      await node.ended()
    })

    it('is staked at start', async () => {
      const { json } = await run('stake', 'status', '--data', at('running'), '--json')
      assert.deepEqual([json.state, json.stake], ['bonded', '2000000'])
      assert.match(stderr.join(''), /stake {4}0x.* 2 tokens at stake/)
    })

    it('is withdrawn by the node itself: its directory is in use', async () => {
      const withdraw = (): ReturnType<typeof run> => run('withdraw', '--data', at('running'), '--json')
      const nothing = await withdraw()
      assert.deepEqual([nothing.json.amount, nothing.json.txHash], ['0', undefined], nothing.stderr)
      await credit(nothing.json.account, 10_000_000n)
      const credited = BigInt((await askPeer(at('running')))?.account.credit ?? 0)
      assert.ok(credited > 5_000_000n)
      const paid = await withdraw()
      assert.equal(BigInt(paid.json.amount), credited, paid.stderr)
      assert.equal(BigInt(paid.json.balance), BigInt(nothing.json.balance) + credited)
      assert.equal((await askPeer(at('running')))?.account.credit, '0')
    })

    it('takes no other order', async () => {
      for (const order of [{ do: 'give' }, { do: 'withdraw', to: TREASURY }, []])
        assert.equal((await postTo(at('running'), '/account', order))?.code, 400)
      const later = await run('stake', 'withdraw', '--data', at('running'), '--json')
      assert.deepEqual([later.exitCode, later.json.error.code], [1, 'ERR_CHAIN_REVERTED'])
      assert.equal(later.json.error.value, later.json.error.message.split(' ')[1])
    })

    it('says that nobody is there', async () => {
      let status = await askPeer(at('running'))
      while (status?.reach.unreachableSince === undefined) {
        await delay(POLL_MS)
        status = await askPeer(at('running'))
      }
      assert.deepEqual(status.connected, [])
      assert.match(stderr.join(''), /0 peers: swarm unreachable since \d\d:\d\d:\d\d; trying on/)
      const { stdout } = await run('status', '--data', at('running'))
      assert.match(stdout, /0 peers: swarm unreachable since/)
    })

    /** Let the account earn something. */
    async function credit(account: string, gross: Amount): Promise<void> {
      const { rpcUrl, chainId, key } = dev
      const { contract, token } = deployment
      const chain = await openChain({ rpcUrl, chainId, contract, token, key })
      try {
        await fund({ rpcUrl, chainId, key, token }, [{ account: chain.account, amount: gross }])
        const job = cidOf({ account })
        const terms = { jobHash: jobHashOf(job), salt: escrowSaltOf(job), amount: gross, refundAfterS: 4_000 }
        const { ref } = await chain.lock(terms)
        const order = { escrow: ref, payouts: [{ account, gross }], receiptsRoot: jobHashOf(job) }
        await chain.settle(order, await chain.signSettlement(order))
      } finally {
        chain.close()
      }
    }
  })
})
