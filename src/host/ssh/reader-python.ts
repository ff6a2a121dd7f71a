import { PATH_DIRS } from '../host.ts';

/** `reader-programs.ts` says what it answers. For what has no perl: Python 3, its own library only. */
export const PYTHON = `
import errno, glob, os, select, signal, stat, subprocess, sys, time
root = os.fsencode(sys.argv[1])
state = {'in': b'', 'out': [], 'size': 0, 'running': 0}
before = os.environ.get('PATH')
os.environ['PATH'] = (before + ':' if before else '') + '${PATH_DIRS.join(':')}'
os.environ.update(LC_ALL='C', LANG='C', DEBIAN_FRONTEND='noninteractive')
def flush():
    data = memoryview(b''.join(state['out']))
    state['out'], state['size'] = [], 0
    try:
        while data:
            data = data[os.write(1, data):]
    except OSError:
        if state['running']:
            os.killpg(state['running'], signal.SIGKILL)
        sys.exit(1)
def more():
    flush()
    data = os.read(0, 262144)
    if not data:
        sys.exit(0)
    state['in'] += data
def told(head, data=b''):
    state['out'].append(b'%s %d\\n%s' % (head, len(data), data))
    state['size'] += len(data)
    if state['size'] > 65536:
        flush()
def refused(error):
    if error.errno in (errno.ENOENT, errno.ESRCH, errno.ENOTDIR):
        return b'N', b''
    return b'E', os.fsencode(error.strerror or 'it cannot be read')
def contents(path, limit):
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        data, some = [], b'x'
        size = 0
        while some and size <= limit:
            some = os.read(file, 1048576)
            data.append(some)
            size += len(some)
        return (b'L', b'') if size > limit else (b'D', b''.join(data))
    finally:
        os.close(file)
def look(op, limit, path):
    if op == b'k':
        return contents(path, limit)
    if op == b'l':
        names = os.listdir(path)
        return (b'L', b'') if len(names) > limit else (b'D', b'\\0'.join(names))
    if op == b'y':
        return (b'D', os.readlink(path)) if stat.S_ISLNK(os.lstat(path).st_mode) else (b'N', b'')
    found = os.stat(path)
    if op == b's':
        times = (int(found.st_mtime), int(found.st_ctime))
        values = (found.st_mode, found.st_uid, found.st_gid, found.st_size, *times, found.st_dev, found.st_ino)
        return b'D', b' '.join(b'%d' % value for value in values)
    if not stat.S_ISREG(found.st_mode):
        return b'E', b'it is no regular file'
    return (b'D', b'') if found.st_size == 0 else contents(path, limit)
def seen(op, limit, path):
    try:
        return look(op, limit, path)
    except OSError as error:
        return refused(error)
def gathered(limit, text):
    for line in text.split(b'\\n'):
        op, most, pattern = line.split(b' ', 2)
        for path in sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]:
            status, data = seen(op, int(most), path)
            answer = b'%s %s %d\\n%s%s' % (op, status, len(path), path, data)
            limit -= len(answer)
            if limit < 0:
                return b'L', b''
            told(b'A', answer)
    return b'D', b''
def ran(limit, seconds, argv):
    until, beat = time.time() + seconds, time.time()
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True)
    except OSError as error:
        why = argv[0] + b': ' + os.fsencode(error.strerror or '') + b'\\n'
        return b'D', b'%d 0\\n%s' % (127 if error.errno == errno.ENOENT else 126, why)
    state['running'] = child.pid
    said = {child.stdout.fileno(): b'', child.stderr.fileno(): b''}
    order = list(said)
    open_ = set(said)
    while open_ or child.poll() is None:
        for one in select.select(list(open_), [], [], 1 if open_ else 0.02)[0]:
            some = os.read(one, 262144)
            if not some:
                open_.discard(one)
            said[one] += some[:max(0, limit - len(said[one]))]
        if time.time() > until:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except OSError:
                pass
            child.wait()
            state['running'] = 0
            return b'L', b''
        if time.time() - beat >= 1:
            beat = time.time()
            told(b'W')
            flush()
    state['running'] = 0
    code = child.returncode if child.returncode >= 0 else 128 - child.returncode
    child.stdout.close()
    child.stderr.close()
    return b'D', b'%d %d\\n%s%s' % (code, len(said[order[0]]), said[order[0]], said[order[1]])
while True:
    while b'\\n' not in state['in']:
        more()
    head, _, rest = state['in'].partition(b'\\n')
    op, limit, length = head.split(b' ')
    state['in'] = rest
    while len(state['in']) < int(length):
        more()
    text, state['in'] = state['in'][:int(length)], state['in'][int(length):]
    if op == b'w':
        state['out'].append(text)
    elif op == b'x':
        seconds, argv = text.split(b'\\0', 1)
        told(*ran(int(limit), int(seconds), argv.split(b'\\0')))
    elif op == b'g':
        told(*gathered(int(limit), text))
    else:
        told(*seen(op, int(limit), root + text))
`;
