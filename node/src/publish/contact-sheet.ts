import { join } from 'node:path'
import sharp from 'sharp'
import { writeWhole } from '../disk.ts'

const CELL_WIDTH_PX = 320
const GAP_PX = 8
const CELL_COUNT_MAX = 100
const SCREEN_ASPECT = 16 / 9
const BACKGROUND = '#15171c'

/** All pictures of a job on one sheet; of a long job, evenly chosen ones. Answers the file's path. */
export async function writeContactSheet(
  outDir: string,
  pictures: readonly string[]
): Promise<string | undefined> {
  const [first] = pictures
  if (first === undefined) return undefined
  const step = Math.max(1, pictures.length / CELL_COUNT_MAX)
  const chosen = pictures.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step))
  const { width, height } = await sharp(first).metadata()
  const cellWidthPx = Math.min(CELL_WIDTH_PX, width)
  const cellHeightPx = Math.max(1, Math.round((height * cellWidthPx) / width))
  const columnCount = columnsFor(chosen.length, cellWidthPx / cellHeightPx)
  const rowCount = Math.ceil(chosen.length / columnCount)
  const cells = await Promise.all(
    chosen.map(async (path, index) => ({
      input: await sharp(path).resize(cellWidthPx, cellHeightPx).png().toBuffer(),
      left: GAP_PX + (index % columnCount) * (cellWidthPx + GAP_PX),
      top: GAP_PX + Math.floor(index / columnCount) * (cellHeightPx + GAP_PX)
    }))
  )
  const sheet = await sharp({
    create: {
      width: GAP_PX + columnCount * (cellWidthPx + GAP_PX),
      height: GAP_PX + rowCount * (cellHeightPx + GAP_PX),
      channels: 3,
      background: BACKGROUND
    }
  })
    .composite(cells)
    .png()
    .toBuffer()
  const path = join(outDir, 'contact-sheet.png')
  await writeWhole(path, sheet, { thing: 'contact sheet' })
  return path
}

/** About as wide as a screen is, without gaps in the last row where that can be had for a column or two more. */
function columnsFor(cellCount: number, cellAspect: number): number {
  const wanted = Math.min(cellCount, Math.ceil(Math.sqrt((cellCount * SCREEN_ASPECT) / cellAspect)))
  const gaps = (columns: number): number => Math.ceil(cellCount / columns) * columns - cellCount
  return [wanted, wanted + 1, wanted + 2]
    .filter(columns => columns <= cellCount)
    .reduce((best, columns) => (gaps(columns) < gaps(best) ? columns : best))
}
