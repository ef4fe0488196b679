import { Worker } from 'node:worker_threads'

/**
 * Start one of this package's threads.
 *
 * Without the process's own options: `--input-type` and the like are meant for its main script.
 */
export function startThread(file: 'loader' | 'render' | 'probe', workerData?: unknown): Worker {
  return new Worker(new URL(`./${file}-thread.js`, import.meta.url), { workerData, execArgv: [] })
}
