import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Screen } from '../src/cli/screen.ts'

/** What a terminal shows after these writes. */
function shown(text: string): string[] {
  const lines = ['']
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal codes start with one
  for (const [part] of text.matchAll(/\u001b\[1A|\u001b\[2K|\n|[^\u001b\n]+/g)) {
    if (part === '\u001b[1A') lines.pop()
    else if (part === '\u001b[2K') lines[lines.length - 1] = ''
    else if (part === '\n') lines.push('')
    else lines[lines.length - 1] += part
  }
  return lines
}

describe('Screen', () => {
  function screen(isTTY: boolean, columns = 40): { screen: Screen; text: () => string } {
    let text = ''
    const write = (part: string): void => {
      text += part
    }
    return { screen: new Screen({ isTTY, columns, write }), text: () => text }
  }

  it('keeps what was said above what passes', async () => {
    const { screen: s, text } = screen(true)
    s.show(['1 of 3', 'node-1'])
    s.say('first')
    s.say('second')
    await delay(120)
    s.show(['2 of 3', 'node-2'])
    assert.deepEqual(shown(text()), ['first', 'second', '2 of 3', 'node-2', ''])
    s.clear()
    assert.deepEqual(shown(text()), ['first', 'second', ''])
  })

  it('draws the last state, however fast it changes', async () => {
    const { screen: s, text } = screen(true)
    for (let i = 0; i < 1_000; i++) s.show([`state ${i}`])
    await delay(150)
    assert.deepEqual(shown(text()), ['state 999', ''])
    assert.ok(text().length < 200)
  })

  it('cuts lines that do not fit, because a wrapped line cannot be taken back', () => {
    const { screen: s, text } = screen(true, 10)
    s.show(['\u001b[31mabcdefghijklmnop\u001b[0m'])
    assert.equal(text(), '\u001b[31mabcdefghi\u001b[0m\n')
  })

  it('writes plain lines, and few, where nobody watches', () => {
    const { screen: s, text } = screen(false)
    for (let i = 0; i < 100; i++) s.show([`state ${i}`, 'detail'])
    s.say('said')
    s.clear()
    assert.equal(text(), 'state 0\nsaid\n')
  })
})
