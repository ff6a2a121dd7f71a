#!/usr/bin/python3
# `systemctl` of a lab host, which has no systemd. Packaged software is started and stopped by its init script, and its
# shipped unit file says what it is; a unit file that somebody put into /etc/systemd/system is run by unit.py.
import glob, os, re, subprocess, sys, time

ETC = "/etc/systemd/system"
DIRS = [ETC, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"]
STATE = "/run/lab/units"
PROPERTIES = ["Id", "Description", "LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID", "FragmentPath", "ExecStart"]


def stem(name):
    return name[:-8] if name.endswith(".service") else name


def fragment(name):
    for directory in DIRS:
        path = "%s/%s.service" % (directory, name)
        if os.path.exists(path):
            return os.path.realpath(path)
    return None


def canonical(name):
    """ssh for sshd.service: an alias is a link to the unit it means."""
    name = stem(name)
    path = fragment(name)
    own = stem(os.path.basename(path)) if path and path != "/dev/null" else name
    return own if init_script(own) or not init_script(name) else name


def init_script(name):
    path = "/etc/init.d/" + name
    return path if os.access(path, os.X_OK) else None


def is_native(name):
    """A service that stays, and that nothing but its unit starts: what somebody put into ETC, or a package brought."""
    path = fragment(name)
    if path is None or path == "/dev/null" or init_script(name) is not None:
        return False
    return path.startswith(ETC) or settings(name).get("Service.Type", ["simple"])[-1] in ("simple", "exec")


def settings(name):
    """Section.Key → its values; drop-ins are read after the unit, and an empty value forgets those before."""
    path = fragment(name)
    files = [path] if path and path != "/dev/null" else []
    files += sorted(glob.glob("%s/%s.service.d/*.conf" % (ETC, name)))
    found, section = {}, ""
    for file in files:
        with open(file) as text:
            for line in re.sub(r"\\\n", " ", text.read()).split("\n"):
                line = line.strip()
                head = re.match(r"\[(.+)\]$", line)
                if head:
                    section = head.group(1)
                elif line and line[0] not in "#;" and "=" in line:
                    key, value = line.split("=", 1)
                    values = found.setdefault(section + "." + key.strip(), [])
                    values.append(value.strip()) if value.strip() else values.clear()
    return found


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rsplit(") ", 1)[1][0] != "Z"
    except (OSError, ValueError):
        return False


def number_in(path):
    try:
        with open(path) as file:
            return int(file.readline().strip())
    except (OSError, ValueError):
        return 0


def main_pid(name, unit):
    if is_native(name):
        files = ["%s/%s.pid" % (STATE, name)]
    else:
        files = unit.get("Service.PIDFile", []) + ["/run/%s.pid" % each for each in (name, name + "d")]
        files += ["/run/crond.pid"] if name == "cron" else ["/run/sshd.pid"] if name == "ssh" else []
        files += sorted(glob.glob("/run/%s/*.pid" % name))
    return next((pid for pid in map(number_in, files) if pid and alive(pid)), 0)


def failed(name):
    try:
        if is_native(name):
            return open("%s/%s.state" % (STATE, name)).read().strip() == "failed"
        return name in open("/run/lab/failed").read().split()
    except OSError:
        return False


def enabled(name):
    if fragment(name) == "/dev/null":
        return "masked"
    linked = glob.glob("%s/*.wants/%s.service" % (ETC, name))
    started = glob.glob("/etc/rc2.d/S[0-9][0-9]" + name) if init_script(name) else []
    return "enabled" if linked or started else "disabled"


def describe(name):
    unit = settings(name)
    pid = main_pid(name, unit)
    state = "active" if pid else "failed" if failed(name) else "inactive"
    path = fragment(name)
    known = path is not None or init_script(name) is not None
    start = (unit.get("Service.ExecStart") or [init_script(name) + " start" if init_script(name) else ""])[0].lstrip("-@:+!")
    command = "{ path=%s ; argv[]=%s ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=%d ; code=(null) ; status=0/0 }"
    return {
        "Id": name + ".service",
        "Description": (unit.get("Unit.Description") or [name])[0],
        "LoadState": "masked" if path == "/dev/null" else "loaded" if known else "not-found",
        "ActiveState": state,
        "SubState": {"active": "running", "inactive": "dead", "failed": "failed"}[state],
        "UnitFileState": enabled(name) if known else "",
        "MainPID": str(pid),
        "FragmentPath": path or "",
        "ExecStart": command % (start.split(" ")[0], start, pid) if start else "",
    }


def loaded():
    names = {re.sub(r"^S\d\d", "", os.path.basename(link)) for link in glob.glob("/etc/rc2.d/S*")}
    names |= {stem(os.path.basename(path)) for path in glob.glob(ETC + "/*.service") + glob.glob(ETC + "/*.wants/*.service")}
    names |= {name for name in os.listdir("/etc/init.d") if main_pid(name, settings(name))}
    return sorted({canonical(name) for name in names if fragment(name) != "/dev/null" and "@" not in name})


def own_start(name):
    subprocess.run([sys.executable, "/usr/local/lib/lab/unit.py", name], check=False)
    deadline = time.time() + 10
    while time.time() < deadline:
        state = "%s/%s.state" % (STATE, name)
        text = open(state).read().strip() if os.path.exists(state) else ""
        if text:
            return 1 if text == "failed" else 0
        time.sleep(0.05)
    return 1


def own_stop(name):
    keeper = number_in("%s/%s.keeper" % (STATE, name))
    if keeper and alive(keeper):
        os.kill(keeper, 15)
        while alive(keeper):
            time.sleep(0.05)
    return 0


def own(name, action):
    running = alive(number_in("%s/%s.keeper" % (STATE, name)) or 2**30)
    if action == "start":
        return 0 if running else own_start(name)
    if action == "stop":
        return own_stop(name)
    if action == "reload":
        pid = main_pid(name, {})
        commands = settings(name).get("Service.ExecReload", [])
        return max([subprocess.call(each.replace("$MAINPID", str(pid)), shell=True) for each in commands], default=1)
    own_stop(name)
    return own_start(name)


def control(action, name):
    name = canonical(name)
    wanted = {"reload-or-restart": "restart", "force-reload": "restart"}.get(action, action)
    if wanted.startswith("try-"):
        if not main_pid(name, settings(name)):
            return 0
        wanted = "restart"
    if is_native(name):
        code = own(name, wanted)
    elif init_script(name):
        with open("/var/log/lab-services.log", "ab") as log:
            code = subprocess.call(["service", name, wanted], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    else:
        return fail("Failed to %s %s.service: Unit %s.service not found." % (action, name, name), 5)
    if code:
        fail("Job for %s.service failed: see /var/log/lab-services.log or /var/log/%s.log" % (name, name), 1)
    return 1 if code else 0


def enable(name, yes):
    name = canonical(name)
    if fragment(name) is None and init_script(name) is None:
        return fail("Failed to enable unit: Unit file %s.service does not exist." % name, 1)
    # update-rc.d calls systemctl in its turn.
    if init_script(name) and "LAB_ENABLING" not in os.environ:
        subprocess.call(["update-rc.d", name, "enable" if yes else "disable"], stdout=subprocess.DEVNULL,
                        env=dict(os.environ, LAB_ENABLING="1"))
    for target in settings(name).get("Install.WantedBy", []):
        link = "%s/%s.wants/%s.service" % (ETC, target, name)
        if yes and not os.path.lexists(link):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(fragment(name), link)
        elif not yes and os.path.lexists(link):
            os.unlink(link)
    return 0


def fail(text, code):
    print(text, file=sys.stderr)
    return code


def show(names, only):
    every = [name for pattern in names for name in (loaded() if "*" in pattern else [canonical(pattern)])]
    blocks = []
    for name in every:
        known = describe(name)
        blocks.append("\n".join("%s=%s" % (key, known[key]) for key in only or PROPERTIES if key in known))
    print("\n\n".join(blocks))
    return 0


def tell(verb, names):
    code = 0
    for name in map(canonical, names):
        known = describe(name)
        if verb == "is-enabled":
            print(known["UnitFileState"] or "not-found")
            good = known["UnitFileState"] == "enabled"
        else:
            print(known["ActiveState"])
            good = known["ActiveState"] == "active"
        code = code if good else 1 if verb == "is-enabled" else 3
    return code


def listing(names):
    for name in map(canonical, names) if names else loaded():
        known = describe(name)
        print("%-28s %-7s %-8s %-8s %s" % (known["Id"], known["LoadState"], known["ActiveState"], known["SubState"], known["Description"]))
    return 0


def main(argv):
    flags = [each for each in argv if each.startswith("-")]
    verb, *names = [each for each in argv if not each.startswith("-")] or ["list-units"]
    if "--version" in flags:
        print("systemd 0 (none: this is a lab host)")
        return 0
    if verb == "is-system-running":
        print("running")
        return 0
    if verb == "show":
        only = [key for each in flags if each.startswith("--property=") for key in each[11:].split(",")]
        return show(names, only)
    if verb in ("is-active", "is-enabled"):
        return tell(verb, names)
    if verb in ("status", "list-units"):
        return listing([name for name in names if "*" not in name])
    if os.geteuid() != 0:
        return fail("Failed to %s: Access denied" % verb, 1)
    if verb in ("daemon-reload", "reset-failed"):
        return 0
    if verb in ("reboot", "poweroff", "halt"):
        return subprocess.call([verb])
    if verb in ("enable", "disable"):
        code = max([enable(name, verb == "enable") for name in names], default=1)
        return code or ("--now" in flags and max(control("start" if verb == "enable" else "stop", name) for name in names)) or 0
    if re.match(r"(start|stop|restart|reload|try-restart|reload-or-restart|force-reload|try-reload-or-restart)$", verb):
        return max([control(verb, name) for name in names], default=1)
    return fail("Unknown command verb %s." % verb, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
