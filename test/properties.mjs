// Property tests draw the same cases on every run of the suite, so that a red run means the change at hand.
// `RAYSWARM_PROPERTY_SEED=n` (or `random`) looks elsewhere.
import fc from 'fast-check'

const wanted = process.env.RAYSWARM_PROPERTY_SEED ?? '1'
if (wanted !== 'random') fc.configureGlobal({ seed: Number(wanted) })
