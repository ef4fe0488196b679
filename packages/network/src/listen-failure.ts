import { isRayswarmError, RayswarmError } from '@rayswarm/interface'

/** What libp2p says when it cannot listen, as an error that names the address and the remedy. */
export function listenFailure(error: unknown): unknown {
  if (isRayswarmError(error) || !(error instanceof Error)) return error
  const [, inUse] = /EADDRINUSE[^\n]*?:(\d+)\s*$/m.exec(error.message) ?? []
  if (inUse !== undefined)
    return new RayswarmError('ERR_PORT_IN_USE', `port ${inUse} is in use`, {
      thing: 'port',
      value: Number(inUse),
      remedy: 'Choose another port with --listen, or 0 for any free one.',
      cause: error
    })
  const [, reason, address] =
    /(EACCES|EADDRNOTAVAIL|ENOTFOUND)[^\n]*?([\w.:]+)\s*$/m.exec(error.message) ?? []
  if (address !== undefined)
    return new RayswarmError('ERR_USAGE', `cannot listen on ${address} (${reason})`, {
      thing: 'listen address',
      value: address,
      remedy: 'Listen on an address of this machine and a port above 1023.',
      cause: error
    })
  return new RayswarmError('ERR_INTERNAL', `libp2p did not start: ${error.message}`, {
    thing: 'libp2p',
    remedy: 'Check the listen addresses.',
    cause: error
  })
}
