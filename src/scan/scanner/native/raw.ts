import { AF_INET, AF_UNSPEC, type Block, ERRNO, type Libc, SOCK_FLAGS, SOCK_STREAM, SOCKADDR_BYTES } from './libc.ts';

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const IPPROTO_TCP = 6;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const IPPROTO_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_PMTUDISC_DO = 2;
/**
 * Answers that lie there while the thread sends, and packets that wait for the neighbour table; a small one counts for about
 * 800 bytes.
 */
const BUFFER_BYTES = 64 * 2 ** 20;
/** struct mmsghdr and struct iovec on 64-bit Linux */
const MESSAGE_BYTES = 64;
const LENGTH_AT = 56;
const VECTOR_BYTES = 16;

/** Many messages for one call, each with its piece of memory. */
export class Messages {
  readonly count: number;
  readonly data: Block;
  readonly names: Block;
  readonly headers: Block;
  readonly each: number;

  constructor(libc: Libc, count: number, each: number, isNamed: boolean) {
    this.count = count;
    this.each = each;
    this.data = libc.block(count * each);
    this.names = libc.block(count * SOCKADDR_BYTES);
    this.headers = libc.block(count * MESSAGE_BYTES);
    const vectors = libc.block(count * VECTOR_BYTES);
    for (let index = 0; index < count; index++) {
      const [header, vector] = [index * MESSAGE_BYTES, index * VECTOR_BYTES];
      setPointer(vectors, vector, this.data.at + index * each);
      setPointer(vectors, vector + 8, each);
      if (isNamed) setPointer(this.headers, header, this.names.at + index * SOCKADDR_BYTES);
      this.headers.view.setUint32(header + 8, isNamed ? 16 : 0, true);
      setPointer(this.headers, header + 16, vectors.at + vector);
      setPointer(this.headers, header + 24, 1);
    }
  }

  headerAt(index: number): number {
    return this.headers.at + index * MESSAGE_BYTES;
  }

  lengthOf(index: number): number {
    return this.headers.view.getUint32(index * MESSAGE_BYTES + LENGTH_AT, true);
  }
}

const setPointer = (block: Block, at: number, value: number): void => block.view.setBigUint64(at, BigInt(value), true);

/** A port that nobody else gets while we hold it. Nobody listens there, so that the kernel resets what is half-open. */
export function holdPort(libc: Libc): { fd: number; port: number } {
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_FLAGS, 0);
  const { at, view } = libc.block(SOCKADDR_BYTES * 2);
  view.setUint16(0, AF_INET, true);
  view.setUint32(SOCKADDR_BYTES, SOCKADDR_BYTES, true);
  const isBound = fd >= 0 && libc.bind(fd, at, 16) === 0 && libc.getsockname(fd, at, at + SOCKADDR_BYTES) === 0;
  if (!isBound) throw new Error(`there is no port to be had (errno ${libc.errno()})`);
  return { fd, port: view.getUint16(2) };
}

/** Sends TCP packets of our making, and gets those to `port` alone: the kernel filters the rest. */
export function rawSocket(libc: Libc, port: number): number {
  const fd = libc.socket(AF_INET, SOCK_RAW | SOCK_FLAGS, IPPROTO_TCP);
  if (fd < 0) {
    const errno = libc.errno();
    const isForbidden = errno === ERRNO.EPERM || errno === ERRNO.EACCES;
    throw new Error(isForbidden ? 'raw sockets are not permitted (CAP_NET_RAW)' : `no raw socket (errno ${errno})`);
  }
  const size = libc.block(4);
  size.view.setInt32(0, BUFFER_BYTES, true);
  for (const option of [SO_RCVBUF, SO_RCVBUFFORCE, SO_SNDBUF, SO_SNDBUFFORCE])
    libc.setsockopt(fd, SOL_SOCKET, option, size.at, 4);
  // As the kernel's own SYNs: not to be taken apart, so that none needs a number that is told from all others.
  size.view.setInt32(0, IP_PMTUDISC_DO, true);
  libc.setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, size.at, 4);
  if (attach(libc, fd, port) !== 0) {
    const errno = libc.errno();
    libc.close(fd);
    throw new Error(`the kernel takes no filter (errno ${errno})`);
  }
  return fd;
}

/** Classic BPF: skip the IP header, and keep what is sent to `port`. */
function attach(libc: Libc, fd: number, port: number): number {
  const program: [code: number, yes: number, no: number, value: number][] = [
    [0xb1, 0, 0, 0], // ldxb 4*([0]&0xf)
    [0x48, 0, 0, 2], // ldh [x + 2]
    [0x15, 0, 1, port], // jeq #port
    [0x06, 0, 0, 0xffff], // ret #65535
    [0x06, 0, 0, 0], // ret #0
  ];
  const code = libc.block(program.length * 8);
  for (const [index, [operation, yes, no, value]] of program.entries()) {
    code.view.setUint16(index * 8, operation, true);
    code.view.setUint8(index * 8 + 2, yes);
    code.view.setUint8(index * 8 + 3, no);
    code.view.setUint32(index * 8 + 4, value, true);
  }
  const filter = libc.block(16);
  filter.view.setUint16(0, program.length, true);
  filter.view.setBigUint64(8, BigInt(code.at), true);
  return libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter.at, 16);
}

/** Addresses whose way is remembered; a window of a scan and more. */
const WAYS_KEPT = 16_384;

/** From which of our addresses the kernel goes to another: our checksum covers it. Nothing is sent. */
export class Ways {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #block: Block;
  /** by the address as a signed number, which needs no object */
  readonly #known = new Map<number, number>();

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_FLAGS, 0);
    this.#block = libc.block(SOCKADDR_BYTES * 3);
  }

  /** 0 when there is no way. */
  from(to: number): number {
    const known = this.#known.get(to | 0);
    if (known !== undefined) return known;
    if (this.#known.size >= WAYS_KEPT) this.#known.clear();
    const { at, view } = this.#block;
    const [mine, length] = [SOCKADDR_BYTES, SOCKADDR_BYTES * 2];
    // What it was connected to before would keep its address.
    view.setUint16(0, AF_UNSPEC, true);
    this.#libc.connect(this.#fd, at, 16);
    view.setUint16(0, AF_INET, true);
    view.setUint16(2, 9);
    view.setUint32(4, to);
    view.setUint32(length, SOCKADDR_BYTES, true);
    const isThere =
      this.#libc.connect(this.#fd, at, 16) === 0 && this.#libc.getsockname(this.#fd, at + mine, at + length) === 0;
    const from = isThere ? view.getUint32(mine + 4) : 0;
    // A way that is not there now may be there soon.
    if (from !== 0) this.#known.set(to | 0, from);
    return from;
  }

  close(): void {
    this.#libc.close(this.#fd);
  }
}
