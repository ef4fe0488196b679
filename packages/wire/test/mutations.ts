import fc from 'fast-check'

/** Encodings with one to three small injuries: flipped, inserted, doubled, removed bytes, or an end cut off. */
export function mutated(source: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const injury = fc.record({
    kind: fc.constantFrom('flip', 'set', 'insert', 'double', 'remove', 'cut'),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    byte: fc.oneof(
      fc.nat(255),
      fc.constantFrom(0x00, 0x60, 0x80, 0xa0, 0xf6, 0xf7, 0xff, 0x9f, 0x1b, 0x3b, 0xfb)
    )
  })
  return fc.tuple(source, fc.array(injury, { minLength: 1, maxLength: 3 })).map(([bytes, injuries]) => {
    const list = [...bytes]
    for (const { kind, at, byte } of injuries) {
      const i = Math.floor(at * list.length)
      if (kind === 'flip') list[i] = (list[i] ?? 0) ^ (1 << (byte & 7))
      else if (kind === 'set') list[i] = byte
      else if (kind === 'insert') list.splice(i, 0, byte)
      else if (kind === 'double') list.splice(i, 0, ...list.slice(i, i + (byte & 15)))
      else if (kind === 'remove') list.splice(i, 1 + (byte & 3))
      else list.length = i
    }
    return Uint8Array.from(list)
  })
}
