import { replicaId } from '@rayswarm/wire'
import { named, type Verdict } from './checker.ts'
import type { HistoryEvent } from './history.ts'

const WIDTH_PX = 1_180
const LABEL_PX = 96
const ROW_PX = 16
const AXIS_PX = 26
/** Bars drawn at most: a page of more is read by nobody. */
const BAR_COUNT_MAX = 20_000
const VIOLATIONS_MAX = 200
const TICK_COUNT = 10

const STYLE = `
body{font:14px/1.45 system-ui,sans-serif;color:#1c2430;background:#fff;margin:24px auto;max-width:1200px;padding:0 12px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:28px 0 8px}p{margin:4px 0}
table{border-collapse:collapse}td,th{padding:3px 14px 3px 0;text-align:left;vertical-align:top}th{color:#667;font-weight:500}
.ok{color:#0a7d3c}.bad{color:#b3261e;font-weight:600}svg{display:block;max-width:100%;height:auto}svg text{font:10px system-ui,sans-serif;fill:#445}
.row{fill:#f4f6f8}.down{fill:#d5d9de}.lease{fill:#2f7dd1}.lost{fill:#e0882e}.gone{fill:#b3261e}.partition{fill:#8e44ad;opacity:.22}
.pause{fill:#888;opacity:.35}.link{fill:#e0c02e;opacity:.3}.clock{fill:#2eaaa0;opacity:.3}.byzantine{fill:#d1366f;opacity:.22}
.crash{stroke:#b3261e;stroke-width:2}.accepted{stroke:#0a7d3c;fill:none;stroke-width:1.5}.key span{display:inline-block;margin-right:16px}
.key i{display:inline-block;width:12px;height:10px;margin-right:5px}@media(prefers-color-scheme:dark){body{background:#14181d;color:#dde3ea}
.row{fill:#1e242b}.down{fill:#3a424c}svg text{fill:#9aa6b2}th{color:#9aa6b2}}`

/** A verdict as one page that needs nothing else: numbers, who did what when, what went wrong. */
export function reportPage(events: readonly HistoryEvent[], verdict: Verdict): string {
  const title = `${verdict.scenario || 'testnet'}: ${verdict.violations.length === 0 ? 'no violations' : `${verdict.violations.length} violations`}`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head><body>
<h1>${escapeHtml(verdict.scenario || 'testnet')}</h1>
<p class="${verdict.violations.length === 0 ? 'ok' : 'bad'}">${escapeHtml(title)}</p>
${figures(verdict)}
<h2>Assertions</h2>
${assertions(verdict)}
<h2>Violations</h2>
${violations(verdict, events[0]?.atMs ?? 0)}
<h2>Who did what when</h2>
${KEY}
${timeline(events)}
<h2>Faults</h2>
${faults(events)}
</body></html>
`
}

const KEY = `<p class="key">${[
  ['#2f7dd1', 'lease, executed'],
  ['#e0882e', 'lease, lost or failed'],
  ['#b3261e', 'lease, holder crashed'],
  ['#d5d9de', 'not running'],
  ['#8e44ad', 'partition'],
  ['#888', 'paused'],
  ['#e0c02e', 'bad link'],
  ['#2eaaa0', 'wrong clock'],
  ['#d1366f', 'misbehaving'],
  ['#0a7d3c', 'accepted subtasks']
]
  .map(([colour, text]) => `<span><i style="background:${colour}"></i>${text}</span>`)
  .join('')}</p>`

function figures(verdict: Verdict): string {
  const { audit } = verdict
  const rows: [string, string][] = [
    ['peers', `${verdict.peers}, layer ${verdict.layer}, seed ${verdict.seed}`],
    ['ready', `${verdict.readySeconds} s`],
    ['accepted', `${verdict.accepted} of ${verdict.subtasks} subtasks, ${verdict.executions} executions`],
    ['paid twice', String(verdict.paidTwice)],
    ['audited', `${audit.audited} of ${audit.settlements} settlements, ${audit.payouts} payouts`],
    ['offer reached', `${(verdict.offerReach.share * 100).toFixed(2)} %, p99 ${verdict.offerReach.p99Ms} ms`],
    [
      'leased again after crashes',
      `${verdict.reLeases} times, p95 ${verdict.reLeaseP95Ms} ms, longest ${verdict.reLeaseMaxMs} ms (term ${verdict.leaseTermMs} ms)`
    ],
    ['heard again after partitions', verdict.recoveryMs.map(ms => `${ms} ms`).join(', ') || 'no partition'],
    ['whole run', `${verdict.wallSeconds} s, ${verdict.faults} faults`]
  ]
  return `<table>${rows.map(([name, value]) => `<tr><th>${name}</th><td>${escapeHtml(value)}</td></tr>`).join('')}</table>`
}

function assertions({ assertions: list }: Verdict): string {
  if (list.length === 0) return '<p>None.</p>'
  const rows = list.map(
    ({ assertion, held, found }) =>
      `<tr><td class="${held ? 'ok' : 'bad'}">${held ? 'true' : 'not true'}</td><td>${escapeHtml(assertion)}</td><td>${escapeHtml(found)}</td></tr>`
  )
  return `<table>${rows.join('')}</table>`
}

function violations({ violations: list }: Verdict, fromMs: number): string {
  if (list.length === 0) return '<p class="ok">None.</p>'
  const rows = list
    .slice(0, VIOLATIONS_MAX)
    .map(
      ({ kind, atMs, message }) =>
        `<tr><td>${seconds(atMs - fromMs)}</td><td class="bad">${kind}</td><td>${escapeHtml(message)}</td></tr>`
    )
  const more = list.length > VIOLATIONS_MAX ? `<p>… and ${list.length - VIOLATIONS_MAX} more.</p>` : ''
  return `<table>${rows.join('')}</table>${more}`
}

function faults(events: readonly HistoryEvent[]): string {
  const fromMs = events[0]?.atMs ?? 0
  const rows = named(events, 'fault').map(
    ({ atMs, detail, fault, targets }) =>
      `<tr><td>${seconds(atMs - fromMs)}</td><td>${escapeHtml(detail ?? fault)}</td><td>${escapeHtml(targets.join(', ') || 'everybody')}</td></tr>`
  )
  return rows.length === 0 ? '<p>None.</p>' : `<table>${rows.join('')}</table>`
}

function timeline(events: readonly HistoryEvent[]): string {
  const peers = named(events, 'testnet')[0]?.peers.map(({ name }) => name) ?? []
  const fromMs = events[0]?.atMs ?? 0
  const toMs = Math.max(fromMs + 1, events.at(-1)?.atMs ?? 0)
  const x = (atMs: number): number =>
    Math.round((LABEL_PX + ((atMs - fromMs) / (toMs - fromMs)) * (WIDTH_PX - LABEL_PX - 4)) * 10) / 10
  const y = (name: string): number => AXIS_PX + peers.indexOf(name) * ROW_PX
  const bar = (name: string, kind: string, from: number, to: number, inset = 2): string =>
    `<rect class="${kind}" x="${x(from)}" y="${y(name) + inset}" width="${Math.max(0.8, Math.round((x(to) - x(from)) * 10) / 10)}" height="${ROW_PX - 1 - inset * 2}"/>`
  const parts = [
    ...peers.map(
      name =>
        `<rect class="row" x="${LABEL_PX}" y="${y(name)}" width="${WIDTH_PX - LABEL_PX}" height="${ROW_PX - 1}"/><text x="${LABEL_PX - 6}" y="${y(name) + 11}" text-anchor="end">${escapeHtml(name)}</text>`
    ),
    ...ticks(toMs - fromMs).map(
      ms => `<text x="${x(fromMs + ms)}" y="14" text-anchor="middle">${seconds(ms)}</text>`
    ),
    ...downTimes(events, peers, fromMs, toMs).map(({ name, from, to }) => bar(name, 'down', from, to, 0)),
    ...faultTimes(events, peers, toMs).map(({ name, kind, from, to }) =>
      kind === 'crash'
        ? `<line class="crash" x1="${x(from)}" x2="${x(from)}" y1="${y(name)}" y2="${y(name) + ROW_PX - 1}"/>`
        : bar(name, kind, from, to, 0)
    ),
    ...leaseTimes(events, toMs).map(({ name, kind, from, to }) => bar(name, kind, from, to, 3)),
    progress(events, x, AXIS_PX + peers.length * ROW_PX)
  ]
  const heightPx = AXIS_PX + peers.length * ROW_PX + 70
  return `<svg viewBox="0 0 ${WIDTH_PX} ${heightPx}" width="${WIDTH_PX}" height="${heightPx}" role="img" aria-label="leases and faults by peer">${parts.join('')}</svg>`
}

interface Span {
  readonly name: string
  readonly kind: string
  readonly from: number
  readonly to: number
}

function leaseTimes(events: readonly HistoryEvent[], toMs: number): Span[] {
  const open = new Map<string, { name: string; from: number }>()
  const spans: Span[] = []
  const end = (key: string, kind: string, to: number): void => {
    const lease = open.get(key)
    if (lease !== undefined && spans.length < BAR_COUNT_MAX) spans.push({ ...lease, kind, to })
    open.delete(key)
  }
  for (const event of events) {
    if (event.event === 'lease')
      open.set(`${event.peer} ${replicaId(event)}`, { name: event.peer, from: event.atMs })
    else if (event.event === 'executed') end(`${event.peer} ${replicaId(event)}`, 'lease', event.atMs)
    else if (event.event === 'lease-lost' || event.event === 'execution-failed')
      end(`${event.peer} ${replicaId(event)}`, 'lost', event.atMs)
    else if (event.event === 'fault' && event.fault === 'crash')
      for (const [key, { name }] of [...open]) if (event.targets.includes(name)) end(key, 'gone', event.atMs)
  }
  for (const key of [...open.keys()]) end(key, 'lease', toMs)
  return spans
}

function downTimes(
  events: readonly HistoryEvent[],
  peers: readonly string[],
  fromMs: number,
  toMs: number
): Span[] {
  return peers.flatMap(name => {
    const spans: Span[] = []
    let since: number | undefined = fromMs
    for (const event of events) {
      const isEnd =
        (event.event === 'stopped' && event.peer === name) ||
        (event.event === 'fault' && event.fault === 'crash' && event.targets.includes(name))
      if (event.event === 'started' && event.peer === name && since !== undefined) {
        spans.push({ name, kind: 'down', from: since, to: event.atMs })
        since = undefined
      } else if (isEnd) since ??= event.atMs
    }
    return since === undefined ? spans : [...spans, { name, kind: 'down', from: since, to: toMs }]
  })
}

function faultTimes(events: readonly HistoryEvent[], peers: readonly string[], toMs: number): Span[] {
  const ends = new Map(named(events, 'fault-ended').map(({ id, atMs }) => [id, atMs]))
  return named(events, 'fault')
    .filter(({ fault }) => ['crash', 'pause', 'partition', 'link', 'clock', 'byzantine'].includes(fault))
    .flatMap(({ id, fault, targets, atMs }) =>
      targets
        .filter(name => peers.includes(name))
        .map(name => ({ name, kind: fault, from: atMs, to: ends.get(id) ?? toMs }))
    )
}

/** Accepted subtasks over time, as a line below the peers. */
function progress(events: readonly HistoryEvent[], x: (atMs: number) => number, topPx: number): string {
  const total = named(events, 'published').reduce((sum, { subtaskCount }) => Math.max(sum, subtaskCount), 0)
  const seen = new Set<string>()
  const points = named(events, 'accepted').flatMap(({ job, subtask, atMs }) => {
    const key = `${job}/${subtask}`
    if (seen.has(key)) return []
    seen.add(key)
    return [`${x(atMs)},${Math.round((topPx + 60 - (50 * seen.size) / Math.max(1, total)) * 10) / 10}`]
  })
  return `<polyline class="accepted" points="${points.join(' ')}"/><text x="${LABEL_PX - 6}" y="${topPx + 40}" text-anchor="end">accepted</text>`
}

function ticks(spanMs: number): number[] {
  const rough = spanMs / TICK_COUNT
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, rough)))
  const stepMs = [1, 2, 5, 10].map(factor => factor * unit).find(step => step >= rough) ?? rough
  return Array.from({ length: Math.floor(spanMs / stepMs) + 1 }, (_, index) => index * stepMs)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 10_000 && ms % 1_000 !== 0 ? 1 : 0)} s`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
