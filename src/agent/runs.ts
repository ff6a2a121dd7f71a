/** The program that was loaded goes on; nobody else sets the exit code. */
export const RUNS = -1;
