/** One server of the harness: how it starts, and what a scan has to say of each of its ports. */
export interface ServerSpec {
  /** of its namespace: at most eight small letters and digits */
  name: string;
  /** last number of its address */
  number: number;
  /** the Debian package whose version is the truth */
  package: string;
  /** it may not be installed beside another of the table, or without what is not needed here */
  alone?: true;
  /** packages that it needs and does not depend on */
  also?: readonly string[];
  /** text files by path, readable by everybody */
  files?: Readonly<Record<string, string>>;
  /** bash: runs as root inside, and ends with starting the server in the background */
  start: string;
  ports: readonly Expected[];
}

export interface Expected {
  port: number;
  udp?: boolean;
  protocol: string;
  /** as the result names it; null where the server tells nothing of what it is */
  product: string | null;
  /** whether the server tells its version: then it is the package's */
  version?: 'told';
  access?: 'open' | 'refused';
  /** `port`: all of it is TLS; `starttls`: offered in the clear */
  tls?: 'port' | 'starttls';
}

export const CERT = '/etc/lab/cert.pem';
export const KEY = '/etc/lab/key.pem';
