import {
  type Attestation,
  isRayswarmError,
  type PeerId,
  type Subtask,
  type SubtaskOutput
} from '@rayswarm/interface'
import { digestOf } from '@rayswarm/verification'
import { bytesEqual } from '@rayswarm/wire'
import { decodeOutput, outputSizeBytes } from '@rayswarm/workload'
import type { RoleComponents } from './components.ts'
import type { Scope } from './scope.ts'

/** Attempts to fetch one revealed result before it counts as missing. */
const FETCH_COUNT_MAX = 3
/** Failures of our own disk: they say nothing about the node that holds the result. */
const OWN_FAILURES = new Set(['ERR_QUOTA', 'ERR_DISK_FULL', 'ERR_NOT_WRITABLE'])

/** A result that is what was attested, or why there is none. */
export type Fetched = { readonly output: SubtaskOutput } | { readonly outcome: 'missing' | 'mismatch' }

/** Where a result comes from, and whether we keep it for others. */
export interface FetchResultOptions {
  readonly providers: readonly PeerId[]
  readonly toDisk: boolean
}

/**
 * Fetch a revealed result and check that it is what was attested. While our own disk is full, we wait: nobody else is to blame.
 *
 * @throws {RayswarmError} `ERR_ABORTED` when the scope closes
 */
export async function fetchResult(
  components: RoleComponents,
  scope: Scope,
  subtask: Subtask,
  attestation: Attestation,
  { providers, toDisk }: FetchResultOptions
): Promise<Fetched> {
  const { assets, log, params } = components
  const sizeBytesMax = outputSizeBytes(subtask)
  if (attestation.resultSizeBytes !== sizeBytesMax) return { outcome: 'mismatch' }
  for (let attempt = 0; attempt < FETCH_COUNT_MAX; ) {
    try {
      const bytes = await assets.fetchBytes(attestation.result, {
        providers,
        sizeBytesMax,
        timeoutMs: params.resultTimeoutMs,
        signal: scope.signal
      })
      const decoded = decodeOutput(bytes, subtask)
      if (!decoded.ok || !bytesEqual(digestOf(decoded.value), attestation.opening.digest))
        return { outcome: 'mismatch' }
      if (toDisk) await assets.addBytes(bytes)
      return { output: decoded.value }
    } catch (cause) {
      if (isRayswarmError(cause) && OWN_FAILURES.has(cause.code)) log.warn('result not kept', { cause })
      else attempt++
      await scope.sleep(params.leaseRetryMs)
    }
  }
  return { outcome: 'missing' }
}
