import type { CommandIo, CommonOptions, Outcome } from '../cli/command.ts'
import { EXIT } from '../cli/failure.ts'
import { absolute } from '../swarm-file.ts'
import { assertThat } from './asserting.ts'
import { parseAssertion } from './assertions.ts'
import { Laboratory } from './laboratory.ts'

export interface TestnetAssertOptions extends CommonOptions {
  readonly dir: string
}

/** `rayswarm testnet assert`: exit 0 if it is true, 1 if not. */
export async function testnetAssert(
  words: readonly string[],
  options: TestnetAssertOptions,
  io: CommandIo
): Promise<Outcome> {
  const assertion = parseAssertion(words.join(' '))
  const lab = await Laboratory.open(absolute(options.dir))
  try {
    const asserted = await assertThat(lab, assertion, io.signal)
    const { held, found } = asserted
    return {
      json: asserted,
      text: `${held ? 'true' : 'NOT TRUE'}: ${asserted.assertion} (${found})`,
      exitCode: held ? EXIT.ok : EXIT.failure
    }
  } finally {
    lab.close()
  }
}
