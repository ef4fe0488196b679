import Table from 'cli-table3'

/** Rows under a head, without lines between them. Columns of numbers stand to the right. */
export function tableOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const isNumber = (index: number): boolean =>
    rows.every(row => /^[\d.?]+( %)?$|^new$/.test(String(row[index])))
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, index) => (isNumber(index) ? 'right' : 'left')),
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    // Its own colours ask neither the terminal nor NO_COLOR.
    style: { head: [], border: [] }
  })
  for (const row of rows) table.push([...row])
  return table.toString()
}
