import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ESCROW } from '@rayswarm/chain'
import { jobHashOf, jobIdOf } from '@rayswarm/wire'
import { Interface } from 'ethers'
import { escrowsOf } from '../src/testnet/chain-audit.ts'
import { check } from '../src/testnet/checker.ts'
import { type HistoryEvent, readHistory } from '../src/testnet/history.ts'
import {
  account,
  chain,
  committed,
  goodRun,
  hash,
  id,
  JOB,
  PAID,
  paying,
  receipt,
  say,
  settlement,
  signed
} from './support/histories.ts'
import { temporaryDir } from './support/program.ts'

/** Violations as `kind: message`. */
function found(events: readonly HistoryEvent[]): string[] {
  return check(events).violations.map(({ kind, message }) => `${kind}: ${message}`)
}

function kindsOf(events: readonly HistoryEvent[]): string[] {
  return check(events)
    .violations.map(({ kind }) => kind)
    .toSorted()
}

function without(name: HistoryEvent['event'], events = goodRun()): HistoryEvent[] {
  return events.filter(({ event }) => event !== name)
}

describe('testnet: the audit of payouts', () => {
  const dir = temporaryDir()
  after(() => dir.remove())

  it('needs no creator: settlers and witnesses tell enough', () => {
    const creatorGone = goodRun().filter(({ peer, event }) => peer !== 'creator' || event === 'published')
    const { audit, violations } = check(creatorGone)
    assert.deepEqual(violations, [])
    assert.deepEqual(audit, { settlements: 1, audited: 1, payouts: 2 })
  })

  it('takes one witness’s word for what was signed: the root proves it', () => {
    const [first, ...others] = goodRun().filter(({ event }) => event === 'signed')
    assert.deepEqual(found(goodRun().filter(event => !others.includes(event))), [])
    const byLiar = [...without('signed'), { ...first!, peer: 'node-4' }]
    assert.deepEqual(found(byLiar), [])
  })

  it('finds two that are paid for one replica, whatever the generations', () => {
    const twice = [...PAID, receipt('node-3', { generation: 1, gross: '10' })]
    const events = [...paying(twice), committed(55, 'node-2', id('node-3'), { generation: 1, price: '10' })]
    const [text, ...more] = found(events)
    assert.match(text!, /^paid-twice: .*subtask 0 replica 0 generation 1: paid .* and .*replica 0/)
    assert.deepEqual([more, check(events).paidTwice], [[], 1])
  })

  it('finds a node that is paid for two replicas of a subtask', () => {
    const twice = [...PAID, receipt('node-1', { replica: 1, gross: '10' })]
    const events = [...paying(twice), committed(55, 'node-2', id('node-1'), { replica: 1, price: '10' })]
    assert.match(found(events).join(), /^paid-twice: [^,]*, and [^,]*$/)
  })

  it('finds one replica that is paid at two settlements, of one escrow or of two', () => {
    const [first, second] = [settlement(PAID), settlement(PAID, { txHash: hash(2) })]
    assert.deepEqual(kindsOf([...goodRun(), chain([first, second])]), [
      'paid-twice',
      'paid-twice',
      'two-settlements'
    ])
    const escrow = (settled: typeof first, index: number) => ({
      id: hash(index),
      locked: '100',
      isRefunded: false,
      settlements: [settled]
    })
    const again = say(90, 'lab', 'chain', { job: JOB, escrows: [escrow(first, 1), escrow(second, 2)] })
    assert.deepEqual(kindsOf([...goodRun(), again]), ['paid-twice', 'paid-twice'])
  })

  it('finds a payout without a certificate, or with that of somebody else, or one that only a liar saw', () => {
    assert.match(found(without('committed')).join('\n'), /unearned: .*no honest judge saw a certificate/)
    const others = [
      ...without('committed'),
      committed(50, 'node-3', id('node-3')),
      committed(50, 'node-3', id('node-2'), { subtask: 1 })
    ]
    const [text, ...more] = found(others)
    assert.ok(text!.startsWith('unearned: ') && text!.endsWith(`the certificate is of ${id('node-3')}`), text)
    assert.deepEqual(more, [])
    const byLiar = goodRun().map(event =>
      event.event === 'committed' ? { ...event, peer: 'node-4' } : event
    )
    assert.equal(found(byLiar).filter(line => line.startsWith('unearned')).length, 2)
  })

  it('finds another price than the certificate’s, and another account than the node’s', () => {
    const dear = [receipt('node-1', { gross: '41' }), PAID[1]!]
    assert.match(found(paying(dear)).join(), /^unearned: .* is paid 41, and its certificate says 40$/)
    const diverted = [receipt('node-1', { account: account('node-3') }), PAID[1]!]
    assert.match(
      found(paying(diverted)).join(),
      /^unearned: .* is paid to 0x3{40}, and its account is 0x1{40}$/
    )
  })

  it('finds a payout to somebody who is no peer', () => {
    const strange = [...PAID, receipt('node-7', { subtask: 2, gross: '10' })]
    const events = [...paying(strange), committed(55, 'node-2', id('node-7'), { subtask: 2, price: '10' })]
    assert.match(found(events).join(), /^unearned: .* is no peer of this testnet$/)
  })

  it('finds a credit that is not what the receipts come to', () => {
    const { credits } = settlement(PAID)
    const moved = credits.map((credit, index) => ({
      ...credit,
      amount: String(BigInt(credit.amount) + (index === 0 ? 1n : -1n))
    }))
    const lines = found(paying(PAID, { credits: moved }))
    assert.equal(lines.length, 2)
    assert.match(lines[0]!, /^books: .* 37 on the chain, the receipts come to 36$/)
    const stranger = [...credits, { account: account('node-3'), amount: '5' }]
    assert.match(
      found(paying(PAID, { credits: stranger })).join(),
      /^books: .*0x3{40}: 5 on the chain, .* 0$/
    )
    assert.match(found(paying(PAID, { burned: '5', refunded: '19' })).join(), /^books: .*burned: 5 .* 4$/)
  })

  it('finds two certificates of one replica: of two holders, of two seals, at two prices', () => {
    for (const second of [
      committed(90, 'node-1', id('node-2')),
      committed(90, 'node-1', id('node-1'), { seal: hash(7) }),
      committed(90, 'node-1', id('node-1'), { price: '39' })
    ])
      assert.match(found([...goodRun(), second]).join(), /^two-commits: .*another/)
  })

  it('is not clean where it knows nothing', () => {
    const tampered = signed([receipt('node-1', { gross: '39' }), PAID[1]!])
    const renamed = { ...tampered, receiptsRoot: settlement(PAID).receiptsRoot } as HistoryEvent
    for (const [events, text] of [
      [
        without('signed'),
        /^unaudited: .* paid 72 to 2 accounts, and nobody wrote down receipts of its root$/
      ],
      [[...without('signed'), renamed], /^unaudited: .*nobody wrote down receipts/],
      [without('chain'), /^unaudited: .*the chain was never asked about it$/],
      [[...without('chain'), chain([])], /^unaudited: .*node-3 says that it is settled, the chain did not/],
      [
        [...goodRun(), say(90, 'lab', 'chain', { job: JOB, escrows: [] })],
        /^unaudited: .*the chain knows no escrow of it$/
      ]
    ] as const) {
      assert.match(found(events).join(), text)
      assert.equal(check(events).audit.audited, 0)
    }
    const told = say(90, 'node-2', 'settled', { job: JOB, txHash: hash(2), paid: '72' })
    assert.deepEqual(kindsOf([...goodRun(), told]), ['two-settlements', 'unaudited'])
  })

  it('asks for nothing where nothing was paid', () => {
    const unsettled = goodRun().filter(({ event }) => !['settled', 'signed', 'chain'].includes(event))
    assert.deepEqual(found([...unsettled, chain([])]), [])
    // A creator that finds its escrow refunded ends its job with a settlement that never was.
    const over = say(90, 'creator', 'settled', { job: JOB, txHash: hash(0), paid: '0' })
    assert.deepEqual(found([...unsettled, chain([], { isRefunded: true }), over]), [])
    assert.deepEqual(found([...unsettled, chain([settlement([])])]), [])
  })

  it('says the same again from a file', async () => {
    const path = join(dir.path, 'history.jsonl')
    for (const events of [
      goodRun(),
      without('signed'),
      paying([...PAID, receipt('node-3', { replica: 1, gross: '1' })])
    ]) {
      writeFileSync(path, events.map(event => `${JSON.stringify(event)}\n`).join(''))
      assert.deepEqual(check(await readHistory(path)), check(events))
    }
  })
})

describe('testnet: what the chain says', () => {
  const other = jobIdOf({ name: 'another' } as never)
  const log = (name: string, values: readonly unknown[], tx = 1) => {
    const fragment = ESCROW.getEvent(name)!
    const { data, topics } = ESCROW.encodeEventLog(fragment, values)
    return { txHash: hash(tx), log: new Interface(ESCROW.fragments).parseLog({ data, topics })! }
  }
  const opened = (escrow: number, job: string) =>
    log('JobOpened', [hash(escrow), account('creator-9'), jobHashOf(job), 100n, 1_000n])

  it('is told by job: every escrow, every settlement, every credit', () => {
    const { receiptsRoot, paid, burned, treasury, refunded, credits } = settlement(PAID)
    const credited = credits.map(each => [each.account, BigInt(each.amount)])
    const escrows = escrowsOf([
      opened(1, JOB),
      opened(2, other),
      opened(3, JOB),
      log('JobSettled', [hash(1), paid, burned, treasury, refunded, receiptsRoot, credited]),
      log('JobRefunded', [hash(3), 100n])
    ])
    assert.deepEqual(
      escrows
        .get(JOB)!
        .map(({ id: escrow, isRefunded, settlements }) => [escrow, isRefunded, settlements.length]),
      [
        [hash(1), false, 1],
        [hash(3), true, 0]
      ]
    )
    assert.deepEqual(escrows.get(JOB)![0]!.settlements[0], settlement(PAID))
    assert.deepEqual(escrows.get(other)!, [
      { id: hash(2), locked: '100', isRefunded: false, settlements: [] }
    ])
  })
})
