/** What the local cluster tells a page that is in it (`cluster.json`), and what it can be asked to send. Pure types. */

/** A request that one of the rules covers. */
export interface Target {
  readonly rule: string;
  readonly method: string;
  readonly path: string;
  /** Whether its clients are known by their address alone. */
  readonly isByAddress: boolean;
}

/** The rule that the slide is played with. */
export interface SlideRule extends Target {
  readonly limit: number;
  readonly threshold: number;
}

export interface ClusterInfo {
  /** Of the admin API. */
  readonly token: string;
  readonly pops: readonly { readonly name: string; readonly city: string }[];
  readonly targets: readonly Target[];
  /** Or why there is none, in words. */
  readonly slide: SlideRule | string;
}

/** What `POST /api/send` takes: as many requests to one POP, by as many clients from that address on. */
export interface Send {
  readonly pop: string;
  readonly ip: string;
  readonly path: string;
  readonly method: string;
  readonly count?: number;
  readonly clients?: number;
  /** Without it they go one after the other. */
  readonly perSecond?: number;
}

/** What became of them. */
export interface Sent {
  readonly sent: number;
  readonly admitted: number;
  readonly denied: number;
  /** How many were decided how, as `x-onecount` says it. */
  readonly decisions: Readonly<Record<string, number>>;
  /** Of the last one: by each rule that covered it, the seconds until the window ends or quota comes back. */
  readonly resetSeconds: Readonly<Record<string, number>>;
}
