import type { Adversary } from '../adversaries.ts'

/** Starts anew every ten seconds with an empty disk: what it promised as a witness, it does not know any more. */
export const amnesiac: Pick<Adversary, 'forgets' | 'crashEveryMs'> = { forgets: true, crashEveryMs: 10_000 }
