/** msgpackr ships this build, the one without `eval`, without types. What is used of it: */
declare module "msgpackr/index-no-eval" {
  export class Packr {
    constructor(options: { useRecords: boolean });
    pack(value: unknown): Uint8Array;
    unpack(bytes: Uint8Array): unknown;
  }
}
