/**
 * The other end of `reader.ts`: reads requests and answers each in order. One process for a whole look, started from its own
 * text, so that nothing is written to the host. It changes nothing, and opens only what ends: a pipe, a device or a
 * terminal is not read.
 *
 * Request: `OP LIMIT LENGTH\n` and the path in LENGTH bytes. OP: `r` reads a regular file, `k` one of the kernel's, `l` lists,
 * `s` is stat, `y` reads a link. Answer: `STATUS LENGTH\n` and LENGTH bytes. STATUS: `D` here it is, `N` it is not there,
 * `L` it is larger than LIMIT, `E` why not. What is known is sent before it waits for more. The words behind the text: one that
 * it says first, so that nobody else's words are taken for its own, and what is put before every path.
 */
export interface ReaderProgram {
  argv: readonly string[];
  text: string;
}

const PERL = `
my ($word, $root) = @ARGV;
my ($in, $out) = ('', $word);
sub flush {
  for (my $at = 0; $at < length $out;) {
    my $n = syswrite STDOUT, $out, length($out) - $at, $at;
    exit 1 unless defined $n;
    $at += $n;
  }
  $out = '';
}
sub more {
  flush();
  exit 0 unless sysread STDIN, $in, 262144, length $in;
}
sub tell_ {
  my ($status, $data) = @_;
  $out .= $status . ' ' . length($data) . "\\n" . $data;
  flush() if length $out > 1048576;
}
sub refuse { $! == 2 || $! == 3 || $! == 20 ? tell_('N', '') : tell_('E', "$!") }
sub contents {
  my ($path, $limit) = @_;
  sysopen(my $file, $path, 2048) or return refuse();
  my ($data, $n) = ('', 1);
  while ($n && length $data <= $limit) {
    $n = sysread $file, $data, 1048576, length $data;
    return refuse() unless defined $n;
  }
  length $data > $limit ? tell_('L', '') : tell_('D', $data);
}
sub names {
  my ($path, $limit) = @_;
  opendir(my $directory, $path) or return refuse();
  my @names;
  while (defined(my $name = readdir $directory)) {
    push @names, $name if $name ne '.' && $name ne '..';
    return tell_('L', '') if @names > $limit;
  }
  tell_('D', join "\\0", @names);
}
while (1) {
  my $end;
  more() while ($end = index $in, "\\n") < 0;
  my ($op, $limit, $length) = split / /, substr $in, 0, $end;
  more() while length $in < $end + 1 + $length;
  my $path = $root . substr $in, $end + 1, $length;
  substr($in, 0, $end + 1 + $length) = '';
  if ($op eq 'k') { contents($path, $limit) }
  elsif ($op eq 'l') { names($path, $limit) }
  elsif ($op eq 'y') {
    my @found = lstat $path;
    if (!@found) { refuse() }
    elsif (($found[2] & 0170000) != 0120000) { tell_('N', '') }
    else { my $target = readlink $path; defined $target ? tell_('D', $target) : refuse() }
  }
  else {
    my @found = stat $path;
    if (!@found) { refuse() }
    elsif ($op eq 's') { tell_('D', join ' ', @found[2, 4, 5, 7, 9, 0, 1]) }
    elsif (($found[2] & 0170000) != 0100000) { tell_('E', 'it is no regular file') }
    elsif ($found[7] == 0) { tell_('D', '') }
    else { contents($path, $limit) }
  }
}
`;

const PYTHON = `
import errno, os, stat, sys
word, root = (os.fsencode(one) for one in sys.argv[1:3])
state = {'in': b'', 'out': [word]}
def flush():
    data = memoryview(b''.join(state['out']))
    state['out'] = []
    while data:
        data = data[os.write(1, data):]
def more():
    flush()
    data = os.read(0, 262144)
    if not data:
        sys.exit(0)
    state['in'] += data
def told(status, data=b''):
    state['out'].append(b'%s %d\\n%s' % (status, len(data), data))
def refuse(error):
    if error.errno in (errno.ENOENT, errno.ESRCH, errno.ENOTDIR):
        told(b'N')
    else:
        told(b'E', os.fsencode(error.strerror or 'it cannot be read'))
def contents(path, limit):
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        data, some = [], b'x'
        size = 0
        while some and size <= limit:
            some = os.read(file, 1048576)
            data.append(some)
            size += len(some)
        told(b'L') if size > limit else told(b'D', b''.join(data))
    finally:
        os.close(file)
def answer(op, limit, path):
    if op == b'k':
        contents(path, limit)
    elif op == b'l':
        names = os.listdir(path)
        told(b'L') if len(names) > limit else told(b'D', b'\\0'.join(names))
    elif op == b'y':
        told(b'D', os.readlink(path)) if stat.S_ISLNK(os.lstat(path).st_mode) else told(b'N')
    else:
        found = os.stat(path)
        if op == b's':
            values = (found.st_mode, found.st_uid, found.st_gid, found.st_size, int(found.st_mtime), found.st_dev, found.st_ino)
            told(b'D', b' '.join(b'%d' % value for value in values))
        elif not stat.S_ISREG(found.st_mode):
            told(b'E', b'it is no regular file')
        elif found.st_size == 0:
            told(b'D')
        else:
            contents(path, limit)
while True:
    while b'\\n' not in state['in']:
        more()
    head, _, rest = state['in'].partition(b'\\n')
    op, limit, length = head.split(b' ')
    state['in'] = rest
    while len(state['in']) < int(length):
        more()
    path, state['in'] = root + state['in'][:int(length)], state['in'][int(length):]
    try:
        answer(op, int(limit), path)
    except OSError as error:
        refuse(error)
    if sum(map(len, state['out'])) > 1048576:
        flush()
`;

/** In this order: perl is part of every Debian and its relatives, Python of most others. */
export const READER_PROGRAMS: readonly ReaderProgram[] = [
  { argv: ['perl', '-e'], text: PERL },
  { argv: ['python3', '-c'], text: PYTHON },
  { argv: ['/usr/libexec/platform-python', '-c'], text: PYTHON },
];
