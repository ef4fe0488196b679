/** The fields that have a value: an optional field is either there or not, never undefined. */
export type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

/** Leave out the fields that are undefined. */
export function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>
}
