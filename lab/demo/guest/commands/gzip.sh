# gzip on files of the host's own tree
PATH=/usr/bin:/bin
for word; do
  shift
  case "$word" in
    /*) set -- "$@" "$ROOT$word" ;;
    *) set -- "$@" "$word" ;;
  esac
done
exec gzip "$@"
