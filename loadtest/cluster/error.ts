/** Why a cluster does not start, in words for the person who started it; several lines when several things are wrong. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
}
