#!/bin/sh
# Installs the Lastember agent on this host and enrolls it. Made by the server named below, for any host.
# All of it is read before anything runs, so that half of it does nothing.
set -u
umask 077
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

server='@@SERVER@@'
bundle='@@BUNDLE@@'
program='@@PROGRAM@@'
runtime='@@RUNTIME@@'
packaged='@@PACKAGED@@'
config='@@CONFIG@@'
state='@@STATE@@'
unit_path='@@UNIT_PATH@@'
unit_name='@@UNIT_NAME@@'

help() {
  cat <<END
Installs the Lastember agent on this host and enrolls it with $server.

  sh install.sh [--token TOKEN] [--force]     the token may also stand in LASTEMBER_TOKEN
  sh install.sh --image [--root DIR]          into an image: neither enrolled nor started

  --force      enroll anew where an agent is enrolled already: new identity, today's approver keys
  --image      install only; the agent enrolls at its first start, with a token that is put into
               $config or LASTEMBER_TOKEN by then
  --root DIR   the image is mounted there (implies --image)
  --help       this text

It looks at the machine before it writes anything, checks the SHA-256 of all that it fetches, and takes back what it
wrote when something fails. Run it again whenever you like: what is in place stays.

Exit codes: 0 installed, 1 failed, 2 wrong options, 3 server unreachable, 4 refused.
END
}

say() { printf '%s\n' "Lastember: $*" >&2; }
stop() { # exit code, what happened, what to do
  code=$1
  shift
  say "$*"
  exit "$code"
}

ca_pem() {
  cat <<'END'
@@CA@@
END
}

unit_text() {
  cat <<'END'
@@UNIT@@
END
}

read_options() {
  token=${LASTEMBER_TOKEN:-} force='' image='' root=''
  while [ $# -gt 0 ]; do
    case $1 in
      --token) [ $# -gt 1 ] || stop 2 'give a token behind --token'; token=$2; shift ;;
      --force) force=1 ;;
      --image) image=1 ;;
      --root) [ $# -gt 1 ] || stop 2 'give a directory behind --root'; root=${2%/}; image=1; shift ;;
      --help | -h) help; exit 0 ;;
      *) help >&2; stop 2 "there is no option $1" ;;
    esac
    shift
  done
  case $token in *[!A-Za-z0-9_-]*) stop 2 'the token has characters that no token has; copy the whole line again' ;; esac
  case $root in *[!A-Za-z0-9_/.-]*) stop 2 'the directory behind --root may have letters, digits, _ . - only' ;; esac
  unset LASTEMBER_TOKEN
}

has() { command -v "$1" >/dev/null 2>&1; }

# Sets arch, command (what is run) and one_file (nothing of the host's can run the program). Writes nothing.
look() {
  [ "$(id -u)" = 0 ] || stop 1 'this must run as root: open a root shell (sudo -s) and paste the line there'
  system=$(uname -s) machine=$(uname -m)
  case $system in Linux) ;; *) stop 1 "the agent runs on Linux, and this is $system" ;; esac
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) stop 1 "the agent runs on x86-64 and arm64, and this is $machine; look after the host over SSH: lastember deploy --agentless" ;;
  esac
  for tool in sha256sum gzip df mktemp sed; do has "$tool" || stop 1 "$tool is not installed; install it and run this again"; done
  has curl || has wget || stop 1 'neither curl nor wget is installed; install one of them and run this again'
  find_node
  if [ -z "$image" ]; then
    # It may be installed and not be what started this machine.
    case $(systemctl is-system-running 2>/dev/null) in
      '' | offline | unknown) stop 1 'systemd does not run here, and the agent of this installer runs as its unit; deploy over SSH instead, which knows other service managers, too: lastember deploy' ;;
    esac
  fi
  look_for_room
}

find_node() {
  one_file='' command=''
  for path in /usr/bin/node /usr/local/bin/node; do
    version=$("$root$path" --version 2>/dev/null) || continue
    major=${version#v} major=${major%%.*} minor=${version#*.} minor=${minor%%.*}
    case $major$minor in *[!0-9]* | '') continue ;; esac
    if [ "$major" -gt 22 ] || { [ "$major" -eq 22 ] && [ "$minor" -ge 18 ]; }; then command="$path $bundle"; return; fi
  done
  one_file=1 command=$program
  [ "$arch" = '@@PROGRAM_ARCH@@' ] || stop 1 "this host has no Node 22.18 or newer, and this server makes the agent for @@PROGRAM_ARCH@@ only, not for $arch; install Node and run this again, or look after the host over SSH: lastember deploy --agentless"
  if ls "$root"/lib/ld-musl-* >/dev/null 2>&1 && ! ls "$root"/lib*/ld-linux* "$root"/lib/*/ld-linux* >/dev/null 2>&1; then
    stop 1 'this host has musl and no glibc, and no Node 22.18 or newer: install Node (apk add nodejs) and run this again'
  fi
}

look_for_room() {
  need=@@NEED_BUNDLE@@
  [ -z "$one_file" ] || need=@@NEED_PROGRAM@@
  place=$root/opt
  [ -d "$place" ] || place=$root/
  free=$(df -Pk "$place" 2>/dev/null | tail -n 1 | sed 's/  */ /g' | cut -d ' ' -f 4)
  # Where nobody can tell, writing will.
  case $free in '' | *[!0-9]*) return ;; esac
  free=$((free / 1024))
  [ "$free" -ge "$need" ] || stop 1 "$place has $free MB free, and the agent needs $need MB there while it is installed; make room, or look after the host over SSH: lastember deploy --agentless"
}

# What was made and what was replaced, so that it can be taken back.
writing='' made='' replaced='' dirs='' started='' stage='' enrolled=''

take_back() {
  if [ -n "$enrolled" ] && [ -z "$fresh_state" ]; then
    say 'the new identity and the files stay; when the service starts, the agent goes on'
    return
  fi
  [ -z "$enrolled" ] || $command goodbye --reason 'the installation failed' --config "$config" >/dev/null 2>&1
  if [ -n "$started" ]; then
    systemctl disable --now "$unit_name" >/dev/null 2>&1
  fi
  for path in $made; do rm -f "$path"; done
  for path in $replaced; do mv -f "$path.before" "$path"; done
  [ -z "$fresh_state" ] || rm -rf "$root$state"
  for path in $dirs; do rmdir "$path" 2>/dev/null; done
  if [ -n "$started" ]; then
    systemctl daemon-reload >/dev/null 2>&1
    [ -z "$replaced" ] || systemctl restart "$unit_name" >/dev/null 2>&1
  fi
  say 'what was written has been taken back'
}

finish() {
  code=$?
  trap - EXIT HUP INT TERM
  [ -z "$stage" ] || rm -rf "$stage"
  if [ "$code" -ne 0 ] && [ -n "$writing" ]; then take_back; fi
  for path in $replaced; do rm -f "$path.before"; done
  exit "$code"
}

make_dir() { # directory, mode
  [ ! -d "$1" ] || return 0
  mkdir -m "$2" "$1" || stop 1 "making $1 did not work; is the file system mounted read-only?"
  dirs="$1 $dirs"
}

put() { # file in the stage, destination, mode
  chmod "$3" "$1"
  if [ -e "$2" ]; then
    ln -f "$2" "$2.before" && replaced="$replaced $2"
  else
    made="$made $2"
  fi
  mv -f "$1" "$2" || stop 1 "writing $2 did not work; is the disk full, or mounted read-only?"
}

drop() { # file of an agent that came another way; what a package brought, its package manager takes away
  [ -e "$1" ] && [ ! -e "$root$packaged" ] || return 0
  mv -f "$1" "$1.before" && replaced="$replaced $1"
}

fetch() { # name, destination
  url=$server/agent/v1/install/$1
  if has curl; then
    curl -fsS --connect-timeout 20 --max-time 1200 --cacert "$stage/ca.pem" -o "$2" "$url"
  elif wget --help 2>&1 | grep -q ca-certificate; then
    wget -q -T 60 --ca-certificate="$stage/ca.pem" -O "$2" "$url"
  else
    # This wget cannot check certificates; the digests are checked in any case.
    wget -q -T 60 -O "$2" --no-check-certificate "$url"
  fi || stop 3 "$url could not be fetched; is the server up, and may this host reach it?"
}

check() { # file, digest
  echo "$2  $1" | sha256sum -c >/dev/null 2>&1 || stop 4 "$(basename "$1") is not what the installer was told to expect; was the server updated meanwhile? Make a new line: lastember enroll-token create"
}

same() { # file, digest
  [ -f "$1" ] && echo "$2  $1" | sha256sum -c >/dev/null 2>&1
}

install_program() {
  if [ -n "$one_file" ]; then
    if ! same "$root$program" '@@PROGRAM_SHA256@@'; then
      fetch '@@PROGRAM_NAME@@' "$stage/agent.gz"
      gzip -d "$stage/agent.gz" || stop 1 'unpacking the agent did not work; is the disk full?'
      check "$stage/agent" '@@PROGRAM_SHA256@@'
      chmod 0755 "$stage/agent"
      "$stage/agent" --version >/dev/null 2>&1 || stop 1 'the agent does not run on this host (glibc 2.28 and libstdc++ are needed); install Node 22.18 or newer and run this again'
      put "$stage/agent" "$root$program" 0755
      changed=1
    fi
    drop "$root$bundle"
  else
    if ! same "$root$bundle" '@@BUNDLE_SHA256@@'; then
      fetch '@@BUNDLE_NAME@@' "$stage/agent"
      check "$stage/agent" '@@BUNDLE_SHA256@@'
      put "$stage/agent" "$root$bundle" 0644
      changed=1
    fi
    drop "$root$program"
  fi
  drop "$root$runtime"
}

install_config() {
  if [ -n "$image" ] && [ -z "$token" ] && [ -f "$root$config" ]; then return; fi
  token_line=''
  [ -z "$token" ] || token_line="  \"token\": \"$token\",
"
  ca=$(cat <<'END'
@@CA_JSON@@
END
)
  printf '{\n  "server": "%s",\n  "ca": %s,\n%s  "stateDir": "%s"\n}\n' "$server" "$ca" "$token_line" "$state" >"$stage/config"
  put "$stage/config" "$root$config" 0600
}

install_unit() {
  unit_text | sed "s|@COMMAND@|$command|" >"$stage/unit"
  if [ "$(cat "$stage/unit")" = "$(cat "$root$unit_path" 2>/dev/null)" ]; then return; fi
  changed=1
  put "$stage/unit" "$root$unit_path" 0644
}

# The agent tells what happened as one JSON object a line; people get the reason.
enroll() {
  $command enroll --config "$config" >"$stage/agent-id" 2>"$stage/why"
  result=$?
  if [ "$result" -ne 0 ]; then
    why=$(sed -n 's/.*"why":"\(.*\)","code":.*/\1/p' "$stage/why" | sed 's/\\"/"/g' | tail -n 1)
    stop "$result" "the agent could not enroll: ${why:-$(tail -n 3 "$stage/why")}"
  fi
  enrolled=1
}

start() {
  started=1
  systemctl daemon-reload || stop 1 'systemctl daemon-reload failed; is systemd running here?'
  systemctl enable "$unit_name" >/dev/null 2>&1 || stop 1 "systemctl enable $unit_name failed; look at it with: systemctl status $unit_name"
  systemctl restart "$unit_name" || stop 1 "$unit_name does not start; look at: journalctl -u $unit_name"
  sleep 1
  systemctl is-active "$unit_name" >/dev/null 2>&1 || stop 1 "$unit_name ended right away; look at: journalctl -u $unit_name"
}

is_enrolled() {
  [ -f "$state/identity.json" ] && grep -q "\"server\": \"$server\"" "$config" 2>/dev/null
}

main() {
  read_options "$@"
  look
  known=''
  if [ -z "$image" ] && [ -z "$force" ] && is_enrolled; then known=1; fi
  if [ -z "$image$known$token" ]; then
    stop 2 'enrolling needs a token: --token, or LASTEMBER_TOKEN; make one with: lastember enroll-token create'
  fi
  if [ -z "$image" ] && [ -z "$force" ] && [ -z "$known" ] && [ -f "$state/identity.json" ]; then
    stop 1 'the agent of this host is enrolled with another server; if it is to leave that one, run this again with --force'
  fi
  changed='' fresh_state=''
  [ -d "$root$state" ] || fresh_state=1
  writing=1
  trap finish EXIT
  trap 'exit 1' HUP INT TERM
  make_dir "$root/opt" 0755
  make_dir "$root/opt/lastember" 0755
  stage=$(mktemp -d "$root/opt/lastember/.install.XXXXXX") || stop 1 "writing to $root/opt/lastember did not work; is the disk full, or mounted read-only?"
  ca_pem >"$stage/ca.pem"
  make_dir "$root/etc/lastember" 0700
  install_program
  [ -n "$known" ] || install_config
  if [ -n "$image" ]; then
    install_unit
    links=$(dirname "$root$unit_path")/multi-user.target.wants
    make_dir "$links" 0755
    ln -sf "$unit_path" "$links/$unit_name"
    settled
    say "installed into ${root:-this image}; the agent enrolls at its first start"
    return
  fi
  [ -n "$known" ] || enroll
  install_unit
  if [ -z "$known$changed" ] || [ -n "$changed" ] || ! systemctl is-active "$unit_name" >/dev/null 2>&1; then start; fi
  settled
  if [ -z "$known" ]; then
    say "enrolled as $(cat "$stage/agent-id") with $server; the agent runs"
  elif [ -n "$changed" ]; then
    say "updated; the agent is enrolled with $server already and runs"
  else
    say "nothing to do: the agent is installed, enrolled with $server and runs (--force enrolls it anew)"
  fi
}

settled() { writing=''; }

main "$@"
