import { readFile } from 'node:fs/promises'
import { RayswarmError } from '@rayswarm/interface'

/** Largest memory a kernel can have: 65 536 pages of 64 KiB. */
export const KERNEL_BYTES_MAX = 65_536 * 65_536
const PAGE_BYTES = 65_536

interface KernelExports {
  readonly memory: WebAssembly.Memory
  heapBase(): number
  configure(
    head: number,
    width: number,
    height: number,
    samples: number,
    seed: number,
    frame: number,
    bounces: number
  ): void
  render(column: number, row: number, count: number, from: number, to: number, out: number): number
  build(
    boxes: number,
    count: number,
    perLeaf: number,
    work: number,
    nodes: number,
    firstOffset: number,
    leaves: number,
    firstLeaf: number
  ): number
  builtLeaves(): number
  buildScratchSize(count: number): number
  boxTriangles(corners: number, count: number, out: number): void
  fillPackets(leaves: number, count: number, order: number, corners: number, ids: number, out: number): void
  tabulate(tables: number): void
  traceMany(rays: number, count: number, out: number, shadow: number): void
  rays(): bigint
  resetRays(): void
}

const FILE = new URL('../../build/kernel.wasm', import.meta.url)

let compiled: Promise<WebAssembly.Module> | undefined

async function compile(): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(await readFile(FILE))
  } catch (error) {
    compiled = undefined
    throw new RayswarmError('ERR_INTERNAL', 'the rendering kernel cannot be compiled', {
      thing: 'kernel',
      value: FILE.pathname,
      remedy: 'Run npm run build; the processor must have SIMD (x86-64 with SSE 4.1, or 64-bit ARM).',
      cause: error
    })
  }
}

/** The kernel, compiled once. Threads of a process share it. */
export function kernelModule(): Promise<WebAssembly.Module> {
  compiled ??= compile()
  return compiled
}

/** One instance of the kernel, with its memory handed out from bottom to top. */
export class Kernel {
  readonly exports: KernelExports
  #top: number

  constructor(module: WebAssembly.Module, stopped: () => boolean = () => false) {
    const instance = new WebAssembly.Instance(module, { env: { stopped: () => (stopped() ? 1 : 0) } })
    this.exports = instance.exports as unknown as KernelExports
    this.#top = this.exports.heapBase()
  }

  /** The whole memory. Views die when it grows, so never keep one across `take`. */
  get buffer(): ArrayBuffer {
    return this.exports.memory.buffer
  }

  /** Address of `sizeBytes` fresh bytes, aligned for vectors. */
  take(sizeBytes: number): number {
    const address = Math.ceil(this.#top / 64) * 64
    this.#top = address + sizeBytes
    const missing = this.#top - this.exports.memory.buffer.byteLength
    if (missing > 0) this.#grow(Math.ceil(missing / PAGE_BYTES))
    return address
  }

  #grow(pages: number): void {
    try {
      this.exports.memory.grow(pages)
    } catch (error) {
      throw new RayswarmError('ERR_SCENE_MEMORY', `no memory for ${this.#top} bytes of scene and pixels`, {
        thing: 'scene memory',
        value: { needBytes: this.#top, allowedBytes: KERNEL_BYTES_MAX },
        remedy: 'Free memory on this machine, or render smaller tiles of a smaller scene.',
        cause: error
      })
    }
  }

  /** A mark to `release` to. */
  mark(): number {
    return this.#top
  }

  /** Give back everything taken since `mark`. */
  release(mark: number): void {
    this.#top = mark
  }
}
