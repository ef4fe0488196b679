import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import sharp from 'sharp'
import { completePartial, partialPath, writeWhole } from '../disk.ts'

const FFMPEG_TIMEOUT_MS = 120_000
const WEBP_QUALITY = 82

/** The pictures as a film: MP4 where ffmpeg is installed, else an animated WebP. Nothing for a single picture. */
export async function writeFilm(
  outDir: string,
  pictures: readonly string[],
  framesPerSecond: number,
  signal: AbortSignal
): Promise<string | undefined> {
  if (pictures.length < 2) return undefined
  return (
    (await writeMp4(join(outDir, 'film.mp4'), pictures, framesPerSecond, signal)) ??
    (await writeWebp(join(outDir, 'film.webp'), pictures, framesPerSecond))
  )
}

/** Undefined when there is no ffmpeg, or one that cannot. */
async function writeMp4(
  path: string,
  pictures: readonly string[],
  framesPerSecond: number,
  signal: AbortSignal
): Promise<string | undefined> {
  const partial = partialPath(path)
  const input = ['-f', 'image2pipe', '-framerate', String(framesPerSecond), '-c:v', 'png', '-i', '-']
  // Players want even edges and this pixel format.
  const picture = ['-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2', '-pix_fmt', 'yuv420p']
  const codec = ['-c:v', 'libx264', '-crf', '18', '-movflags', '+faststart']
  const ffmpeg = spawn(
    'ffmpeg',
    ['-v', 'error', '-y', ...input, ...picture, ...codec, '-f', 'mp4', partial],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      signal: AbortSignal.any([signal, AbortSignal.timeout(FFMPEG_TIMEOUT_MS)]),
      killSignal: 'SIGKILL'
    }
  )
  const exited = once(ffmpeg, 'close').then(
    ([code]) => code === 0,
    () => false
  )
  // It may refuse its input at any point; its exit code tells.
  await pipeline(contentsOf(pictures), ffmpeg.stdin).catch(() => {})
  if (await exited) {
    await completePartial(partial, path)
    return path
  }
  await rm(partial, { force: true })
  return undefined
}

async function* contentsOf(pictures: readonly string[]): AsyncIterable<Uint8Array> {
  for (const picture of pictures) yield await readFile(picture)
}

async function writeWebp(
  path: string,
  pictures: readonly string[],
  framesPerSecond: number
): Promise<string> {
  const bytes = await sharp([...pictures], { join: { animated: true } })
    .webp({ quality: WEBP_QUALITY, loop: 0, delay: pictures.map(() => Math.round(1_000 / framesPerSecond)) })
    .toBuffer()
  await writeWhole(path, bytes, { thing: 'film' })
  return path
}
