import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { type Deployment, DevChain, deploy, type EthersChain, openChain } from '@rayswarm/chain'
import { openHome } from '../src/compose.ts'
import { type SwarmFile, writeSwarmFile } from '../src/swarm-file.ts'
import { type Ended, run, start, temporaryDir } from './support/program.ts'
import { writeJob, writeScene } from './support/scene.ts'

/** Nobody listens there: port 1 needs privileges, and no service uses it. */
const DEAD_URL = 'http://127.0.0.1:1'
const TREASURY = '0x52908400098527886E0F7030069857D2E4169EE7'

describe('bad input', () => {
  const dir = temporaryDir()
  const at = (...parts: string[]): string => join(dir.path, ...parts)
  let dev: DevChain
  let deployment: Deployment
  let reader: EthersChain
  let swarm: SwarmFile
  let job: string
  let lockedBefore = 0n

  before(async () => {
    dev = await DevChain.start()
    const { rpcUrl, chainId, key } = dev
    deployment = await deploy({ rpcUrl, chainId, key, treasury: TREASURY })
    const { contract, token } = deployment
    reader = await openChain({ rpcUrl, chainId, contract, token, key })
    const chain = { chainId, rpcUrl, token, escrow: contract }
    swarm = { netId: 'bad-input', preset: 'testnet', chain, bootstrap: [], faucetKey: key }
    await writeSwarmFile(at('swarm.json'), swarm)
    mkdirSync(at('job'))
    job = writeJob(at('job'))
  })

  beforeEach(async () => {
    lockedBefore = await reader.balanceOf(deployment.contract)
  })

  after(async () => {
    reader?.close()
    await dev?.stop()
    dir.remove()
  })

  /** The command must fail with this code, name thing, value and remedy, lock nothing and leave no picture. */
  async function refuses(ended: Ended, code: string, value: RegExp, exitCode = 1): Promise<void> {
    assert.equal(ended.json?.error?.code, code, ended.stderr)
    const { thing, remedy, message } = ended.json.error
    assert.match(String(ended.json.error.value), value)
    assert.ok(thing.length > 0 && remedy.length > 10 && message.length > 10, JSON.stringify(ended.json))
    assert.equal(ended.exitCode, exitCode)
    assert.ok(ended.stderr.includes(`error ${code}: `) && ended.stderr.includes('fix: '), ended.stderr)
    assert.equal(await reader.balanceOf(deployment.contract), lockedBefore, 'something was locked')
    const written = existsSync(at('out')) ? readdirSync(at('out'), { recursive: true }) : []
    assert.deepEqual(
      written.filter(name => String(name).includes('.')),
      [],
      'something was written'
    )
  }

  const publish = (file: string, ...args: string[]): Promise<Ended> => {
    const place = ['--swarm', at('swarm.json'), '--data', at('creator'), '--out', at('out')]
    const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
    return run('publish', file, ...place, ...listen, '--timeout', '3', '--json', ...args)
  }

  describe('files', () => {
    it('is none when whoever read along has seen enough', async () => {
      const { child, ended } = start(['join', '--help'])
      child.stdout!.destroy()
      const { exitCode, stderr } = await ended()
      assert.deepEqual([exitCode, stderr], [0, ''])
    })

    it('a file that does not exist', async () => {
      await refuses(await publish(at('nowhere.glb')), 'ERR_FILE_MISSING', /nowhere\.glb/)
    })

    it('a file that is not a scene by its name', async () => {
      writeFileSync(at('notes.txt'), 'hello')
      await refuses(await publish(at('notes.txt')), 'ERR_NOT_GLTF', /notes\.txt/)
    })

    it('a file that is not glTF inside', async () => {
      writeFileSync(at('fake.glb'), 'P6 not a scene at all, but long enough to be looked at')
      await refuses(await publish(at('fake.glb')), 'ERR_NOT_GLTF', /fake\.glb/)
    })

    for (const uri of ['/etc/passwd', '../secret.bin', 'https://example.com/a.bin', '..\\secret.bin'])
      it(`a scene that refers to ${uri}`, async () => {
        const scene = writeScene(at('escaping'), { bufferUri: uri })
        await refuses(await publish(scene), 'ERR_PATH_ESCAPES', /passwd|secret|example/)
      })

    it('a scene whose buffer is missing', async () => {
      const scene = writeScene(at('bufferless'), { bufferUri: 'gone.bin' })
      await refuses(await publish(scene), 'ERR_FILE_MISSING', /gone\.bin/)
    })
  })

  describe('job files', () => {
    const withJob = (name: string, fields: object): Promise<Ended> => {
      mkdirSync(at(name), { recursive: true })
      return publish(writeJob(at(name), fields as Record<string, unknown>))
    }

    for (const scene of ['/etc/scene.glb', '../scene.glb', 'C:\\scene.glb'])
      it(`the scene ${scene}`, async () => {
        await refuses(await withJob('outside', { scene }), 'ERR_PATH_ESCAPES', /scene\.glb/)
      })

    for (const frames of ['', []] as const)
      it(`frames ${JSON.stringify(frames)}`, async () => {
        await refuses(await withJob('frameless', { frames }), 'ERR_FRAMES_EMPTY', /^$/)
      })

    it('frames that run backwards', async () => {
      await refuses(await publish(job, '--frames', '9-1'), 'ERR_JOB_INVALID', /9-1/)
    })

    it('a field that does not exist', async () => {
      await refuses(await withJob('misspelt', { sample: 4 }), 'ERR_JOB_INVALID', /4/)
    })

    it('an engine that does not exist', async () => {
      await refuses(await withJob('engineless', { engine: 'abacus' }), 'ERR_JOB_INVALID', /abacus/)
    })

    it('a scene that needs more memory than allowed', async () => {
      await refuses(await publish(job, '--memory', '64KiB'), 'ERR_SCENE_MEMORY', /\d/)
    })
  })

  describe('money', () => {
    it('a budget below the quote', async () => {
      await refuses(await publish(job, '--budget', '0.000001'), 'ERR_BUDGET_BELOW_QUOTE', /0\.000001/)
    })

    it('an account without money, where no faucet is', async () => {
      const { faucetKey: _, ...poor } = swarm
      await writeSwarmFile(at('poor.json'), poor)
      await refuses(
        await publish(job, '--swarm', at('poor.json'), '--yes', '--data', at('poor')),
        'ERR_BALANCE_TOO_LOW',
        /^0$/
      )
    })

    it('real money without consent', async () => {
      const { faucetKey: _, ...real } = swarm
      await writeSwarmFile(at('real.json'), real)
      await refuses(await publish(job, '--swarm', at('real.json')), 'ERR_USAGE', /\d/, 2)
    })
  })

  describe('surroundings', () => {
    const withChain = async (name: string, chain: Partial<SwarmFile['chain']>): Promise<Ended> => {
      await writeSwarmFile(at(name), { ...swarm, chain: { ...swarm.chain, ...chain } })
      return await publish(job, '--swarm', at(name))
    }

    it('another chain than the swarm file says', async () => {
      await refuses(await withChain('other-chain.json', { chainId: 1 }), 'ERR_CHAIN_ID', /31337/)
    })

    it('a chain that does not answer', async () => {
      await refuses(
        await withChain('no-chain.json', { rpcUrl: DEAD_URL }),
        'ERR_CHAIN_UNREACHABLE',
        /127\.0\.0\.1:1/
      )
    })

    it('a contract that is not an escrow', async () => {
      await refuses(await withChain('no-escrow.json', { escrow: TREASURY }), 'ERR_USAGE', /0x5290/, 2)
    })

    it('a swarm file that does not exist', async () => {
      await refuses(await publish(job, '--swarm', at('none.json')), 'ERR_FILE_MISSING', /none\.json/)
    })

    it('a swarm file with a wrong field', async () => {
      writeFileSync(at('wrong.json'), JSON.stringify({ ...swarm, netId: 'Not A Name' }))
      await refuses(await publish(job, '--swarm', at('wrong.json')), 'ERR_USAGE', /wrong\.json/, 2)
    })

    it('a port that is in use', async () => {
      const other = createServer().listen(0, '127.0.0.1')
      await once(other, 'listening')
      const { port } = other.address() as AddressInfo
      try {
        const listen = ['--listen', `/ip4/127.0.0.1/tcp/${port}`]
        await refuses(await publish(job, ...listen), 'ERR_PORT_IN_USE', new RegExp(`^${port}$`))
      } finally {
        other.close()
      }
    })

    it('an output directory that cannot be written to', async () => {
      writeFileSync(at('file'), '')
      await refuses(await publish(job, '--out', at('file', 'out')), 'ERR_NOT_WRITABLE', /file/)
    })

    it('a data directory that another process uses', async () => {
      const home = await openHome({ dir: at('creator'), swarm })
      try {
        await refuses(await publish(job), 'ERR_STORE_LOCKED', /creator/)
      } finally {
        await home.close()
      }
    })

    for (const option of ['--out', '--data'])
      it(`a full disk under ${option}`, async function () {
        const full = at(`full${option}`)
        mkdirSync(full)
        if (!mountTmpfs(full)) {
          console.log('      skipped: mounting a small tmpfs takes root')
          return this.skip()
        }
        try {
          writeFileSync(join(full, 'ballast'), Buffer.alloc(option === '--out' ? 1 << 16 : 1 << 15))
          await refuses(await publish(job, option, join(full, 'here')), 'ERR_DISK_FULL', /here/)
        } finally {
          execFileSync('umount', [full])
        }
      })
  })

  describe('command lines', () => {
    it('an option that does not exist', async () => {
      await refuses(await publish(job, '--sampels', '4'), 'ERR_USAGE', /--sampels/, 2)
    })

    it('a command that does not exist', async () => {
      await refuses(await run('pubish', '--json'), 'ERR_USAGE', /pubish/, 2)
    })

    for (const [option, value] of [
      ['--width', '-3'],
      ['--samples', 'many'],
      ['--budget', '1.2345678'],
      ['--memory', '12 parsecs'],
      ['--timeout', '0']
    ] as const)
      it(`${option} ${value}`, async () => {
        await refuses(await publish(job, `${option}=${value}`), 'ERR_USAGE', new RegExp(value), 2)
      })

    it('a listen address that is none', async () => {
      await refuses(await publish(job, '--listen', 'everywhere'), 'ERR_USAGE', /everywhere/, 2)
    })

    it('a bootstrap address without its peer', async () => {
      const args = ['--bootstrap', '/ip4/127.0.0.1/tcp/4001']
      await refuses(await publish(job, ...args), 'ERR_USAGE', /tcp\/4001/, 2)
    })

    it('a status of nobody', async () => {
      await refuses(await run('status', '--data', at('nobody'), '--json'), 'ERR_NOT_FOUND', /nobody/)
    })

    it('the end of a testnet that is not there', async () => {
      await refuses(
        await run('testnet', 'down', '--dir', at('nobody'), '--json'),
        'ERR_FILE_MISSING',
        /nobody/
      )
    })
  })
})

/** False where this user may not. */
function mountTmpfs(dir: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
