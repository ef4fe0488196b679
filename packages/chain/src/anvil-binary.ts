import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { RayswarmError } from '@rayswarm/interface'

const WRAPPER = '@foundry-rs/anvil'
const ARCH: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/**
 * Path of the chain's program for this platform.
 *
 * The program itself, not the wrapper script on the PATH: when the wrapper is killed, the chain stays behind.
 */
export function anvilPath(platform: string = process.platform, arch: string = process.arch): string {
  const platformPackage = `${WRAPPER}-${platform}-${ARCH[arch] ?? arch}`
  try {
    const wrapper = createRequire(import.meta.url).resolve(`${WRAPPER}/package.json`)
    const manifest = createRequire(wrapper).resolve(`${platformPackage}/package.json`)
    const path = join(dirname(manifest), 'bin', platform === 'win32' ? 'anvil.exe' : 'anvil')
    if (existsSync(path)) return path
    throw binaryMissing(platformPackage)
  } catch (cause) {
    throw binaryMissing(platformPackage, cause)
  }
}

/** The program is there but does not run. */
export function binaryFails(path: string, complaint: string, cause?: unknown): RayswarmError {
  return new RayswarmError('ERR_CHAIN_BINARY', `the development chain does not run: ${complaint}`, {
    thing: 'chain program',
    value: path,
    remedy: /GLIBC/.test(complaint)
      ? 'Use a system with glibc 2.35 or newer, or a chain that runs elsewhere (--rpc-url).'
      : 'Reinstall the optional dependencies, or use a chain that runs elsewhere (--rpc-url).',
    cause
  })
}

function binaryMissing(platformPackage: string, cause?: unknown): RayswarmError {
  return new RayswarmError('ERR_CHAIN_BINARY', `no development chain: ${platformPackage} is not installed`, {
    thing: 'chain program',
    value: platformPackage,
    remedy: 'Install the optional dependencies, or use a chain that runs elsewhere (--rpc-url).',
    cause
  })
}
