import assert from 'node:assert/strict'
import { Emitter } from '../src/emitter.ts'

describe('Emitter', () => {
  it('calls every listener, whatever the others do', () => {
    const emitter = new Emitter<{ 'thing:done': number }>()
    const heard: number[] = []
    emitter.on('thing:done', () => {
      throw new Error('a listener of the host broke')
    })
    const off = emitter.on('thing:done', n => heard.push(n))
    emitter.emit('thing:done', 1)
    off()
    emitter.emit('thing:done', 2)
    assert.deepEqual(heard, [1])
  })
})
