import { PATH_DIRS } from '../host.ts';

/** `reader-programs.ts` says what it answers. perl is part of every Debian and its relatives; no module is used. */
export const PERL = `
my ($root) = @ARGV;
my ($in, $out, $running) = ('', '', 0);
$ENV{PATH} = join ':', $ENV{PATH} || (), '${PATH_DIRS.join(':')}';
$ENV{LC_ALL} = $ENV{LANG} = 'C';
$ENV{DEBIAN_FRONTEND} = 'noninteractive';
$SIG{PIPE} = 'IGNORE';
sub flush {
  for (my $at = 0; $at < length $out;) {
    my $n = syswrite STDOUT, $out, length($out) - $at, $at;
    next if !defined $n && $! == 4;
    if (!defined $n) {
      kill 'KILL', -$running if $running;
      exit 1;
    }
    $at += $n;
  }
  $out = '';
}
sub more {
  flush();
  exit 0 unless sysread STDIN, $in, 262144, length $in;
}
sub refused { $! == 2 || $! == 3 || $! == 20 ? ('N', '') : ('E', "$!") }
sub contents {
  my ($path, $limit) = @_;
  sysopen(my $file, $path, 2048) or return refused();
  my ($data, $n) = ('', 1);
  while ($n && length $data <= $limit) {
    $n = sysread $file, $data, 1048576, length $data;
    return refused() unless defined $n;
  }
  length $data > $limit ? ('L', '') : ('D', $data);
}
sub names {
  my ($path, $limit) = @_;
  opendir(my $directory, $path) or return refused();
  my @names;
  while (defined(my $name = readdir $directory)) {
    push @names, $name if $name ne '.' && $name ne '..';
    return ('L', '') if @names > $limit;
  }
  ('D', join "\\0", @names);
}
sub seen {
  my ($op, $limit, $path) = @_;
  return contents($path, $limit) if $op eq 'k';
  return names($path, $limit) if $op eq 'l';
  if ($op eq 'y') {
    my @found = lstat $path;
    return refused() unless @found;
    return ('N', '') if ($found[2] & 0170000) != 0120000;
    my $target = readlink $path;
    return defined $target ? ('D', $target) : refused();
  }
  my @found = stat $path;
  return refused() unless @found;
  return ('D', join ' ', @found[2, 4, 5, 7, 9, 10, 0, 1]) if $op eq 's';
  return ('E', 'it is no regular file') if ($found[2] & 0170000) != 0100000;
  return ('D', '') if $found[7] == 0;
  contents($path, $limit);
}
sub gathered {
  my ($limit, $text) = @_;
  for (split /\\n/, $text) {
    my ($op, $most, $pattern) = split / /, $_, 3;
    for my $path (glob $pattern) {
      my ($status, $data) = seen($op, $most, $path);
      my $answer = "$op $status " . length($path) . "\\n$path$data";
      $limit -= length $answer;
      return ('L', '') if $limit < 0;
      $out .= 'A ' . length($answer) . "\\n$answer";
      flush() if length $out > 65536;
    }
  }
  ('D', '');
}
sub ran {
  my ($limit, $seconds, @argv) = @_;
  pipe(my $first, my $told) && pipe(my $second, my $warned) or return ('E', "$!");
  my $until = time + $seconds;
  my $pid = fork;
  return ('E', "$!") unless defined $pid;
  if (!$pid) {
    setpgrp 0, 0;
    $SIG{PIPE} = 'DEFAULT';
    open STDIN, '<', '/dev/null';
    open STDOUT, '>&', $told;
    open STDERR, '>&', $warned;
    exec { $argv[0] } @argv;
    my $code = $! == 2 ? 127 : 126;
    syswrite STDERR, "$argv[0]: $!\\n";
    exit $code;
  }
  $running = $pid;
  close $told;
  close $warned;
  my ($beat, $done, $late) = (time, 0, 0);
  my @said = ('', '');
  my @open = ([$first, 0], [$second, 1]);
  while (@open || !$done) {
    my $bits = '';
    vec($bits, fileno $_->[0], 1) = 1 for @open;
    # Whoever closed both and goes on is looked after, too.
    my $ready = select $bits, undef, undef, @open ? 1 : 0.02;
    for my $one ($ready > 0 ? @open : ()) {
      next unless vec $bits, fileno $one->[0], 1;
      my $n = sysread $one->[0], my $some, 262144;
      $one->[2] = 1 if !$n;
      my $room = $limit - length $said[$one->[1]];
      $said[$one->[1]] .= substr $some, 0, $room if $n && $room > 0;
    }
    @open = grep { !$_->[2] } @open;
    if (!$done && waitpid($pid, 1) == $pid) {
      $done = 1;
      $late = $?;
    }
    if (time > $until) {
      kill 'KILL', -$pid;
      waitpid $pid, 0 unless $done;
      $running = 0;
      return ('L', '');
    }
    if (time > $beat) {
      $beat = time;
      $out .= "W 0\\n";
      flush();
    }
  }
  $running = 0;
  my $code = $late & 127 ? 128 + ($late & 127) : $late >> 8;
  ('D', join "\\n", $code . ' ' . length $said[0], $said[0] . $said[1]);
}
while (1) {
  my $end;
  more() while ($end = index $in, "\\n") < 0;
  my ($op, $limit, $length) = split / /, substr $in, 0, $end;
  more() while length $in < $end + 1 + $length;
  my $text = substr $in, $end + 1, $length;
  substr($in, 0, $end + 1 + $length) = '';
  if ($op eq 'w') {
    $out .= $text;
    next;
  }
  my ($status, $data) =
    $op eq 'x' ? ran($limit, split /\\0/, $text, -1) : $op eq 'g' ? gathered($limit, $text) : seen($op, $limit, $root . $text);
  $out .= $status . ' ' . length($data) . "\\n" . $data;
  flush() if length $out > 1048576;
}
`;
