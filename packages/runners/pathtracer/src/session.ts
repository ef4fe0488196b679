import type { Worker } from 'node:worker_threads'
import {
  type JobSpec,
  RayswarmError,
  type RunOptions,
  type Session,
  type Subtask,
  type SubtaskOutput
} from '@rayswarm/interface'
import {
  errorOf,
  type LoadOrder,
  type LoadReply,
  type RunOrder,
  type RunReply,
  type ThreadOrder
} from './messages.ts'
import type { PreparedScene } from './prepared.ts'
import { startThread } from './thread.ts'

interface Run {
  readonly order: RunOrder
  readonly options: RunOptions
  resolve(output: SubtaskOutput): void
  reject(error: unknown): void
}

function aborted(cause?: unknown): RayswarmError {
  return new RayswarmError('ERR_ABORTED', 'rendering was aborted', {
    thing: 'execution',
    remedy: 'Run the subtask again if its result is still wanted.',
    cause
  })
}

function crashed(cause: unknown): RayswarmError {
  return new RayswarmError('ERR_INTERNAL', 'a rendering thread ended unexpectedly', {
    thing: 'rendering thread',
    remedy: 'Run the subtask again; report the scene if it happens twice.',
    cause
  })
}

/** One rendering thread and the run it is busy with. */
class RenderThread {
  readonly #flags: Int32Array
  readonly #worker: Worker
  #run: Run | undefined
  /** The thread has a run that it did not answer yet, even if nobody waits for it any more. */
  busy = false
  #share = 0
  rayCount = 0

  constructor(
    scene: PreparedScene,
    kernel: WebAssembly.Module,
    onIdle: () => void,
    onGone: (thread: RenderThread) => void
  ) {
    const control = new SharedArrayBuffer(4)
    this.#flags = new Int32Array(control)
    const order: ThreadOrder = { scene, control, kernel }
    this.#worker = startThread('render', order)
    this.#worker.on('message', (reply: RunReply) => this.#onReply(reply, onIdle))
    const gone = (cause?: unknown): void => {
      onGone(this)
      this.#take()?.reject(crashed(cause))
    }
    this.#worker.on('error', gone)
    this.#worker.on('exit', () => gone())
  }

  start(run: Run): void {
    this.#run = run
    this.busy = true
    this.#share = 0
    this.#worker.postMessage(run.order)
  }

  /** Give a run up at once; the thread follows when it next looks at the flag. */
  stop(run: Run): void {
    if (this.#run !== run) return
    Atomics.store(this.#flags, 0, run.order.run)
    this.#take()?.reject(aborted(run.options.signal.reason))
  }

  async close(): Promise<void> {
    this.#take()?.reject(aborted())
    await this.#worker.terminate()
  }

  #take(): Run | undefined {
    const run = this.#run
    this.#run = undefined
    return run
  }

  #onReply(reply: RunReply, onIdle: () => void): void {
    if (reply.kind === 'progress') {
      if (this.#run?.order.run !== reply.run) return
      this.#share = Math.max(this.#share, reply.share)
      this.#run.options.onProgress?.(this.#share)
      return
    }
    this.busy = false
    const run = this.#take()
    if (reply.kind === 'done') {
      this.rayCount += reply.rays
      run?.options.onProgress?.(1)
      run?.resolve({ rasters: reply.rasters })
    } else if (reply.kind === 'failed') run?.reject(errorOf(reply.failure))
    onIdle()
  }
}

/** One scene in memory, and up to `concurrency` threads that render it. */
export class PathtracerSession implements Session {
  readonly #scene: PreparedScene
  readonly #kernel: WebAssembly.Module
  readonly #spec: JobSpec
  readonly #concurrency: number
  readonly #threads = new Set<RenderThread>()
  readonly #waiting: Run[] = []
  #runCount = 0
  #rayCount = 0
  #closed = false

  constructor(scene: PreparedScene, kernel: WebAssembly.Module, spec: JobSpec, concurrency: number) {
    this.#scene = scene
    this.#kernel = kernel
    this.#spec = spec
    this.#concurrency = concurrency
  }

  /** Rays traced by all finished runs. */
  get rayCount(): number {
    return this.#rayCount + [...this.#threads].reduce((sum, thread) => sum + thread.rayCount, 0)
  }

  run(subtask: Subtask, options: RunOptions): Promise<SubtaskOutput> {
    const { framesPerSecond, widthPx, heightPx, samplesPerPixel, seed, maxBounces } = this.#spec.work
    return new Promise((resolve, reject) => {
      if (this.#closed || options.signal.aborted) return reject(aborted(options.signal.reason))
      const order: RunOrder = {
        run: ++this.#runCount,
        work: subtask.work,
        constants: { framesPerSecond, widthPx, heightPx, samplesPerPixel, seed, maxBounces }
      }
      const onAbort = (): void => this.#abort(run)
      const settle = (): void => options.signal.removeEventListener('abort', onAbort)
      const run: Run = {
        order,
        options,
        resolve: output => {
          settle()
          resolve(output)
        },
        reject: error => {
          settle()
          reject(error)
        }
      }
      options.signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(run)
      this.#dispatch()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const run of this.#waiting.splice(0)) run.reject(aborted())
    await Promise.all([...this.#threads].map(thread => thread.close()))
  }

  #abort(run: Run): void {
    const position = this.#waiting.indexOf(run)
    if (position >= 0) {
      this.#waiting.splice(position, 1)
      return run.reject(aborted(run.options.signal.reason))
    }
    for (const thread of this.#threads) thread.stop(run)
  }

  #dispatch(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      const thread = [...this.#threads].find(({ busy }) => !busy) ?? this.#spawn()
      if (thread === undefined) return
      thread.start(this.#waiting.shift()!)
    }
  }

  #spawn(): RenderThread | undefined {
    if (this.#threads.size >= this.#concurrency) return undefined
    const thread = new RenderThread(
      this.#scene,
      this.#kernel,
      () => this.#dispatch(),
      gone => {
        if (this.#threads.delete(gone)) this.#rayCount += gone.rayCount
        this.#dispatch()
      }
    )
    this.#threads.add(thread)
    return thread
  }
}

/** Load a scene in a thread of its own. */
export function loadScene(order: LoadOrder): Promise<PreparedScene> {
  return new Promise((resolve, reject) => {
    const worker = startThread('loader', order)
    worker.once('message', (reply: LoadReply) => {
      if (reply.failure === undefined) resolve(reply.scene)
      else reject(errorOf(reply.failure))
      void worker.terminate()
    })
    worker.once('error', error => reject(crashed(error)))
    worker.once('exit', () => reject(crashed(undefined)))
  })
}
