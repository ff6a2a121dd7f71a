# sysctl [-n] KEY… | -w KEY=VALUE… | -p [FILE] on the files below the host's /proc/sys
PATH=/usr/bin:/bin
quiet=
path() { echo "$ROOT/proc/sys/$(echo "$1" | tr . /)"; }
put() { # KEY VALUE
  if [ -e "$(path "$1")" ]; then echo "$2" > "$(path "$1")" && echo "$1 = $2"
  else echo "sysctl: cannot stat /proc/sys/$(echo "$1" | tr . /): No such file or directory" >&2; return 255; fi
}
code=0
case "$1" in
  -n) quiet=1; shift ;;
  -w) shift ;;
  -p) file="$ROOT${2:-/etc/sysctl.conf}"
    while IFS='=' read -r key value; do
      key=$(echo "$key" | tr -d ' \t'); value=$(echo "$value" | sed 's/^[ \t]*//')
      case "$key" in ''|'#'*) ;; *) put "$key" "$value" || code=255 ;; esac
    done < "$file"
    exit $code ;;
esac
for word; do
  case "$word" in
    *=*) put "${word%%=*}" "${word#*=}" || code=255 ;;
    *) if [ -e "$(path "$word")" ]; then value=$(cat "$(path "$word")"); if [ "$quiet" ]; then echo "$value"; else echo "$word = $value"; fi
      else echo "sysctl: cannot stat /proc/sys/$(echo "$word" | tr . /): No such file or directory" >&2; code=255; fi ;;
  esac
done
exit $code
