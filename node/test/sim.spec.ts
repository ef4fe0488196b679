import assert from 'node:assert/strict'
import { once } from 'node:events'
import { SCENARIOS } from '../src/sim/index.ts'
import { run, start } from './support/program.ts'

const SMALL = ['--peers', '9', '--replicas', '4', '--witnesses', '3/2']

describe('rayswarm sim', () => {
  it('gives equal traces for equal seeds, however many processes take part', async () => {
    const sim = (...args: string[]) => run('sim', 'run', '--scenario', 'rough', ...SMALL, '--json', ...args)
    const [one, two, other] = [
      await sim('--seeds', '1..4'),
      await sim('--seeds', '1..4', '--jobs', '2'),
      await sim('--seeds', '2..5')
    ]
    for (const { exitCode, json, stderr } of [one, two, other]) {
      assert.equal(exitCode, 0, stderr)
      assert.deepEqual([json.worlds, json.violations, json.failingSeeds], [4, 0, []])
      assert.ok(json.worldsPerMinute > 0 && json.worldsPerCpuMinute > 0 && json.messages > 0)
    }
    assert.equal(one.json.traceHash, two.json.traceHash)
    assert.notEqual(one.json.traceHash, other.json.traceHash)
  })

  it('says which seeds failed, and fails', async () => {
    // Every witness of three says yes to everything.
    const broken = ['--scenario', 'captured-3', '--peers', '12', '--replicas', '8', '--witnesses', '3/2']
    const { exitCode, json } = await run('sim', 'run', ...broken, '--seeds', '1..6', '--json')
    assert.equal(exitCode, 1)
    assert.ok(json.violations > 0 && json.failingSeeds.length > 0)
    assert.deepEqual(
      json.failures.map(({ seed }: { seed: number }) => seed),
      json.failingSeeds
    )
    const [seed] = json.failingSeeds
    const again = await run('sim', 'replay', ...broken, '--seed', String(seed), '--json')
    assert.equal(again.exitCode, 1)
    assert.deepEqual(again.json.violations, json.failures[0].violations)
  })

  it('replays a world as a timeline', async () => {
    const replay = await run('sim', 'replay', '--scenario', 'rough', ...SMALL, '--seed', '3', '--trace')
    assert.equal(replay.exitCode, 0, replay.stderr)
    for (const part of [/creator +BOOT/, /-> 8 peers: offers offer/, /lease claim 0\/0\/0/, /\* lease:held/])
      assert.match(replay.stdout, part)
    assert.match(replay.stdout, /2 of 2 subtasks accepted\ntrace [0-9a-f]{64}\nnothing violated\n$/)
    const full = await run('sim', 'replay', '--scenario', 'rough', ...SMALL, '--seed', '3', '--full')
    assert.match(full.stdout, /write witness\//)
    assert.ok(full.stdout.split('\n').length > replay.stdout.split('\n').length)
  })

  it('lists the scenarios', async () => {
    const { json, exitCode } = await run('sim', 'scenarios', '--json')
    assert.equal(exitCode, 0)
    assert.deepEqual(
      json.scenarios.map(({ name }: { name: string }) => name),
      [...SCENARIOS.keys()]
    )
  })

  it('stops when it is told to, and its processes with it', async () => {
    const { child, ended } = start(['sim', 'run', '--scenario', 'scale', '--seeds', '1..1000', '--jobs', '2'])
    await once(child.stderr!, 'data')
    child.kill('SIGINT')
    assert.equal((await ended()).exitCode, 130)
  })

  for (const [what, args, value] of [
    ['a scenario that there is not', ['run', '--scenario', 'nope', '--seeds', '1'], /nope/],
    ['seeds the wrong way round', ['run', '--seeds', '5..2'], /5\.\.2/],
    ['seeds that are none', ['run', '--seeds', 'a..b'], /a\.\.b/],
    ['too many seeds', ['run', '--seeds', '1..9999999'], /9999999/],
    ['too many processes', ['run', '--seeds', '1', '--jobs', '1000'], /1000/],
    ['peers that are too few', ['run', '--seeds', '1', '--peers', '4'], /4/],
    ['a quorum that is a minority', ['run', '--seeds', '1', '--witnesses', '7/3'], /7\/3/],
    ['no seed', ['replay', '--seed', 'x'], /x/]
  ] as const)
    it(`refuses ${what}`, async () => {
      const { exitCode, json, stderr } = await run('sim', ...args, '--json')
      assert.equal(exitCode, 2)
      assert.equal(json.error.code, 'ERR_USAGE')
      assert.match(String(json.error.value), value)
      assert.ok(json.error.remedy.length > 10)
      assert.match(stderr, /fix: /)
    })
})
