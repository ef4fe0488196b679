import type { Chance, Runner, SubtaskOutput } from '@rayswarm/interface'

/** Ways in which a node's results may be wrong. */
export type LieKind =
  | 'garbage' // every result is wrong, each in its own way
  | 'sometimes' // every other result is

/** An engine that attests pictures it did not render. */
export function lyingRunner(runner: Runner, chance: Chance, kind: LieKind = 'garbage'): Runner {
  return {
    engine: runner.engine,
    probe: () => runner.probe(),
    inspect: (spec, dir) => runner.inspect(spec, dir),
    finish: (spec, frame) => runner.finish(spec, frame),
    open: async (spec, dir) => {
      const session = await runner.open(spec, dir)
      return {
        run: async (subtask, options) => {
          const output = await session.run(subtask, options)
          return kind === 'sometimes' && chance.unit() < 0.5 ? output : forged(output, chance)
        },
        close: () => session.close()
      }
    }
  }
}

/** The same shape with a patch of brighter pixels: what a careless look would miss. */
function forged(output: SubtaskOutput, chance: Chance): SubtaskOutput {
  return {
    rasters: output.rasters.map(raster => {
      const sums = raster.sums.slice()
      const from = Math.floor(chance.unit() * sums.length)
      const to = Math.min(sums.length, from + 48)
      // Whole numbers are multiples of 2^-16, so the forgery decodes like a real result.
      for (let i = from; i < to; i++) sums[i] = sums[i]! + 1 + Math.floor(chance.unit() * 4)
      return { ...raster, sums }
    })
  }
}
