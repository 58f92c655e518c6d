/** How much is measured, and how it is told. */

/** One line of the table. */
export interface Row {
  what: string;
  value: string;
  note?: string;
}

export interface Scale {
  repeats: number;
  /** Executions before the measured jobs: until then Node compiles what it runs most, and all is slower. */
  warmUp: number;
  /** Things in the whole jobs. */
  jobs: number[];
  /** Things of the job during which devices' latencies are measured. */
  latencyJob: number;
  /** Milliseconds of each measurement that has no end of its own. */
  measuredMs: number;
  registered: number;
  waiting: number;
  bulk: number;
}
