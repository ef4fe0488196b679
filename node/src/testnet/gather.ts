import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../disk.ts'
import { HISTORY_FILE, type HistoryEvent, inOrder, parseHistory } from './history.ts'
import type { Laboratory } from './laboratory.ts'

/** All that the peers of a testnet wrote so far, as one history. */
export async function gatherHistory(lab: Laboratory): Promise<HistoryEvent[]> {
  const parts = await Promise.all(
    lab.historyPaths().map(async path => parseHistory(await readFile(path, 'utf8').catch(() => ''), path))
  )
  return inOrder(parts.flat())
}

/** Write the history of a testnet as one file, and answer it. */
export async function writeHistory(lab: Laboratory): Promise<{ path: string; events: HistoryEvent[] }> {
  const events = await gatherHistory(lab)
  const path = join(lab.dir, HISTORY_FILE)
  await writeWhole(path, events.map(event => `${JSON.stringify(event)}\n`).join(''), {
    thing: 'history file'
  })
  return { path, events }
}
