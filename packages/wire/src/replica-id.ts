import type { ReplicaKey } from '@rayswarm/interface'

/** A replica's key as text, for maps and logs: `<job>/<subtask>/<replica>/<generation>`. */
export function replicaId(key: ReplicaKey): string {
  return `${key.job}/${key.subtask}/${key.replica}/${key.generation}`
}
