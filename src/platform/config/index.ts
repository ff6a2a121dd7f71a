/** Placeholder shape until the table lands: see table.ts. */
export interface Config {
  dataDir: string;
  databaseUrl: string | null;
  pgBinDir: string | null;
  port: number;
  listen: string;
  agentPort: number;
  /** address that agents are told to call, host:port */
  agentAddress: string;
  logLevel: string;
  checkpointOrigin: string;
}
