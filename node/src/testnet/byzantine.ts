import { RayswarmError } from '@rayswarm/interface'
import { wholeNumber } from '../cli/options.ts'
import { BYZANTINE_KINDS, type ByzantineKind, oneOf } from './faults.ts'

/**
 * Who misbehaves how, from `kind:n[,kind:n]`: the last nodes, never the bootstrap peer.
 *
 * @throws {RayswarmError} `ERR_USAGE`
 */
export function assignByzantine(text: string, nodes: readonly string[]): Map<string, ByzantineKind> {
  const assigned = new Map<string, ByzantineKind>()
  const free = nodes.slice(1)
  for (const part of text.split(',').filter(part => part.trim() !== '')) {
    const [kindText = '', number = '1'] = part.trim().split(':')
    const kind = oneOf(kindText, BYZANTINE_KINDS, 'kind of misbehaviour')
    for (let left = wholeNumber(number, '--byzantine', 0); left > 0; left--) {
      const name = free.pop()
      if (name === undefined)
        throw new RayswarmError('ERR_USAGE', `more peers are to misbehave than there are`, {
          thing: '--byzantine',
          value: text,
          remedy: `Of ${nodes.length} nodes at most ${nodes.length - 1} may misbehave.`
        })
      assigned.set(name, kind)
    }
  }
  return assigned
}
