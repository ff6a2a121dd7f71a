import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../host.ts';
import type { Listener } from './listeners.ts';

/**
 * Connects from the host to one of its own listeners with whatever it has: bash, perl, python3 or nc, each with a limit of
 * its own. (bash takes a socket for its standard input as a sign that it is to read ~/.bashrc.) Prints the first line that comes when a greeting is wanted. Ends with 0: connected, 1: not, 9: nothing to try with.
 */
const KNOCK = `
a=$1 p=$2 want=$3
limit() { if command -v timeout >/dev/null 2>&1; then timeout 6 "$@"; else "$@"; fi; }
if command -v bash >/dev/null 2>&1; then
  limit bash --norc --noprofile -c 'exec 3<>"/dev/tcp/$1/$2" || exit 1; [ "$3" = line ] || exit 0; IFS= read -r -t 5 line <&3; printf "%s\\n" "$line"' bash "$a" "$p" "$want" </dev/null 2>/dev/null || exit 1
elif command -v perl >/dev/null 2>&1 && perl -MIO::Socket::IP -e 1 2>/dev/null; then
  limit perl -MIO::Socket::IP -e '$s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Timeout => 5) or exit 1; alarm 5; print scalar <$s> if $ARGV[2] eq "line"' "$a" "$p" "$want" 2>/dev/null || exit 1
elif command -v python3 >/dev/null 2>&1; then
  limit python3 -c 'import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5); print(s.recv(255).decode("latin1").split("\\n")[0] if sys.argv[3] == "line" else "")' "$a" "$p" "$want" 2>/dev/null || exit 1
elif command -v nc >/dev/null 2>&1; then
  if [ "$want" = line ]; then (sleep 3) | limit nc -w 5 "$a" "$p" 2>/dev/null | head -n 1; else limit nc -w 5 "$a" "$p" </dev/null >/dev/null 2>&1 || exit 1; fi
else exit 9
fi
`;

export type Answer = 'answers' | 'silent' | 'unknown';

/** Does the listener accept a fresh connection, and greet as SSH does where that is asked? `unknown`: no way to try. */
export async function knock(host: Host, at: Listener, greeting: 'ssh' | 'any'): Promise<Answer> {
  const want = greeting === 'ssh' ? 'line' : 'none';
  const argv = ['sh', '-c', KNOCK, 'knock', at.address, String(at.port), want];
  const { code, stdout } = await host.exec(argv, { timeoutMs: 20_000, maxOutput: 4096 });
  if (code === 9 || code === 127) return 'unknown';
  return code === 0 && (greeting === 'any' || stdout.startsWith('SSH-')) ? 'answers' : 'silent';
}

/** A daemon that was told to start needs a moment: knocks until it answers or the time is over. */
export async function knockUntil(
  host: Host,
  at: Listener,
  greeting: 'ssh' | 'any',
  timeoutMs: number,
): Promise<Answer> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await knock(host, at, greeting);
    if (answer !== 'silent' || Date.now() > deadline) return answer;
    await sleep(300);
  }
}
