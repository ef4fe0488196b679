import type { PeerId, Registration, RegistrySnapshot } from '@rayswarm/interface'
import { RayswarmError } from '@rayswarm/interface'
import { REGISTRATION_DELAY_EPOCHS } from '@rayswarm/params'

/** Classes of one registration. */
export const CLASS_COUNT_MAX = 32
const CLASS_LENGTH_MAX = 128
/** spec/verification.md: engine, version, build and so on, joined by `/`. */
const CLASS = /^[a-z0-9][a-z0-9._+-]*(?:\/[a-z0-9][a-z0-9._+-]*)*$/

/** Whether a text can be an equivalence class. */
export function isClass(text: unknown): text is string {
  return typeof text === 'string' && text.length <= CLASS_LENGTH_MAX && CLASS.test(text)
}

/** The newest epoch whose registrations count in `epoch`. */
export function lastCountedEpoch(epoch: number): number {
  return epoch - REGISTRATION_DELAY_EPOCHS
}

/** A snapshot: sorted as the port says. */
export function snapshotOf(epoch: number, entries: readonly Registration[]): RegistrySnapshot {
  return { epoch, entries: entries.toSorted((a, b) => compare(a.peer, b.peer)) }
}

function compare(a: PeerId, b: PeerId): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** @throws {RayswarmError} `ERR_USAGE` for what is no epoch, or has not begun */
export function checkEpoch(epoch: number, present: number): void {
  if (Number.isSafeInteger(epoch) && epoch >= 0 && epoch <= present) return
  throw new RayswarmError('ERR_USAGE', `epoch ${epoch} has not begun: this is epoch ${present}`, {
    thing: 'epoch',
    value: epoch,
    remedy: `Ask for an epoch from 0 to ${present}.`
  })
}
