import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Appointment, Hex } from '@rayswarm/interface'
import { appointmentHash } from '../src/index.ts'

interface Vector extends Appointment {
  readonly name: string
  readonly hash: Hex
}

// This file runs in dist/test.
const PATH = join(import.meta.dirname, '../../../../spec/vectors/escrow.json')
const { appointment }: { readonly appointment: readonly Vector[] } = JSON.parse(readFileSync(PATH, 'utf8'))

describe('appointmentHash', () => {
  for (const { name, hash, ...appointed } of appointment)
    it(name, () => assert.equal(appointmentHash(appointed), hash))
})
