// Loads one scene and ends. Parsing and decoding leave a big heap behind that nobody needs while rendering.
import { parentPort, workerData } from 'node:worker_threads'
import { isRayswarmError } from '@rayswarm/interface'
import { contradicts, readGltf } from './gltf-file.ts'
import { failureOf, type LoadOrder, type LoadReply } from './messages.ts'
import { prepare } from './prepare.ts'

const order = workerData as LoadOrder

async function load(): Promise<LoadReply> {
  try {
    return { scene: await prepare(order.dir, await readGltf(order.dir, order.entry), order) }
  } catch (error) {
    return { failure: failureOf(isRayswarmError(error) ? error : contradicts(order.entry, error)) }
  }
}

parentPort?.postMessage(await load())
