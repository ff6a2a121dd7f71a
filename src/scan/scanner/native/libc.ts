/**
 * The few calls of the C library that Node has no name for, through koffi. Every argument is a number: addresses of
 * memory, too, so that a call costs next to nothing. Linux on x64 and arm64 only; the constants are theirs.
 */

export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_FLAGS = 0o4000 | 0o2000000; // SOCK_NONBLOCK | SOCK_CLOEXEC
export const EPOLL_IN_USE = (0x4 | 0x80000000) >>> 0; // EPOLLOUT | EPOLLET
/** A sockaddr_in6, the longest that we use, and a bit. */
export const SOCKADDR_BYTES = 32;

export const ERRNO = {
  EPERM: 1,
  EINTR: 4,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  ENFILE: 23,
  EMFILE: 24,
  EPIPE: 32,
  EADDRNOTAVAIL: 99,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EALREADY: 114,
  EINPROGRESS: 115,
} as const;

/** Memory outside of Node's heap: what the kernel reads and writes while JavaScript looks at it. */
export interface Block {
  at: number;
  view: DataView;
}

export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  connect(fd: number, address: number, length: number): number;
  bind(fd: number, address: number, length: number): number;
  listen(fd: number, backlog: number): number;
  getsockname(fd: number, address: number, length: number): number;
  setsockopt(fd: number, level: number, option: number, value: number, length: number): number;
  close(fd: number): number;
  epollCreate(): number;
  epollAdd(epoll: number, fd: number, event: number): number;
  epollWait(epoll: number, events: number, most: number, timeoutMs: number): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  errno(): number;
  /** Stays until `freeAll`. */
  block(bytes: number): Block;
  /** Gives back every block: nobody may look at one any more. */
  freeAll(): void;
  /** how many files this process may have open */
  mostFiles(): number;
  epollEventBytes: number;
  epollDataAt: number;
}

const RLIMIT_NOFILE = 7;

/** Throws what stands in the way, in words. */
export async function loadLibc(): Promise<Libc> {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch))
    throw new Error(`there is none for ${process.platform} on ${process.arch}`);
  const { default: koffi } = await import('koffi').catch((error: unknown) => {
    throw new Error(
      `the package koffi could not be loaded (${error instanceof Error ? error.message : String(error)})`,
    );
  });
  const lib = koffi.load(null);
  const epollCreate1 = lib.func('int epoll_create1(int)');
  const epollCtl = lib.func('int epoll_ctl(int, int, int, uintptr_t)');
  const calloc = lib.func('uintptr_t calloc(size_t, size_t)');
  const getrlimit = lib.func('int getrlimit(int, uintptr_t)');
  const free = lib.func('void free(uintptr_t)');
  const blocks: number[] = [];
  const block = (bytes: number): Block => {
    const at = Number(calloc(1, bytes));
    if (at === 0) throw new Error('there is no memory');
    blocks.push(at);
    return { at, view: new DataView(koffi.view(at, bytes)) };
  };
  // The kernel packs this structure on x86 only.
  const packed = process.arch === 'x64';
  return {
    socket: lib.func('int socket(int, int, int)'),
    connect: lib.func('int connect(int, uintptr_t, int)'),
    bind: lib.func('int bind(int, uintptr_t, int)'),
    listen: lib.func('int listen(int, int)'),
    getsockname: lib.func('int getsockname(int, uintptr_t, uintptr_t)'),
    setsockopt: lib.func('int setsockopt(int, int, int, uintptr_t, int)'),
    close: lib.func('int close(int)'),
    epollCreate: () => epollCreate1(0o2000000),
    epollAdd: (epoll, fd, event) => epollCtl(epoll, 1, fd, event),
    epollWait: lib.func('int epoll_wait(int, uintptr_t, int, int)'),
    sendmmsg: lib.func('int sendmmsg(int, uintptr_t, unsigned int, int)'),
    recvmmsg: lib.func('int recvmmsg(int, uintptr_t, unsigned int, int, uintptr_t)'),
    errno: () => koffi.errno(),
    block,
    freeAll: () => {
      for (const at of blocks.splice(0)) free(at);
    },
    mostFiles: () => {
      const limit = block(16);
      if (getrlimit(RLIMIT_NOFILE, limit.at) !== 0) return 1024;
      return Number(limit.view.getBigUint64(0, true));
    },
    epollEventBytes: packed ? 12 : 16,
    epollDataAt: packed ? 4 : 8,
  };
}
