#!/bin/sh
# reboot, shutdown, halt and poweroff of a lab host: asks PID 1.
case "$(basename "$0") $*" in
reboot* | *" -r"* | *" --reboot"*) touch /run/reboot-requested ;;
*) kill -TERM 1 ;;
esac
