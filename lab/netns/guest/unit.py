#!/usr/bin/python3
# unit.py NAME keeps one unit of /etc/systemd/system running, as systemd would; `unit.py --wanted` starts the enabled
# ones when the host boots. It says what is in /run/lab/units, and ends the unit with itself. Where its own files are
# replaced by an update, it takes its own place (`--adopt NAME PID`), as systemd does.
import glob, importlib.machinery, importlib.util, os, re, signal, subprocess, sys, time

loader = importlib.machinery.SourceFileLoader("systemctl", "/usr/bin/systemctl")
systemctl = importlib.util.module_from_spec(importlib.util.spec_from_loader("systemctl", loader))
sys.dont_write_bytecode = True
loader.exec_module(systemctl)
STATE = systemctl.STATE


def note(name, kind, text):
    path = "%s/%s.%s" % (STATE, name, kind)
    with open(path + ".new", "w") as file:
        file.write("%s\n" % text)
    os.rename(path + ".new", path)


def words(text):
    """As a shell splits them; the small Python that hosts have comes without the module for it."""
    found = re.findall(r"""(?:[^\s"']|"(?:\\.|[^"\\])*"|'[^']*')+""", text)
    return [re.sub(r""""((?:\\.|[^"\\])*)"|'([^']*)'""", lambda each: each.group(1) or each.group(2) or "", word) for word in found]


def seconds(text):
    return float(text[:-3]) / 1000 if text.endswith("ms") else float(text.rstrip("s") or 0)


def environment(unit):
    values = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8"}
    # clock.sh shifts what the wall clock says; how long something takes stays what it is.
    values["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
    for each in unit.get("Service.Environment", []):
        values.update(pair.split("=", 1) for pair in words(each) if "=" in pair)
    for path in unit.get("Service.EnvironmentFile", []):
        if os.path.exists(path.lstrip("-")):
            lines = open(path.lstrip("-")).read().split("\n")
            values.update(words(line)[0].split("=", 1) for line in lines if "=" in line and line[0] != "#")
    return values


class Adopted:
    """A process that the keeper before this one started: it is still our child."""

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return 1
        return os.waitstatus_to_exitcode(status) if pid else None


def outdated():
    """Were files replaced that we run, and is nobody at it any more?"""
    with open("/proc/self/maps") as maps:
        if not any(" r-xp " in line and line.rstrip().endswith("(deleted)") for line in maps):
            return False
    inodes = [":%d " % os.stat(path).st_ino for path in ("/var/lib/dpkg/lock", "/var/lib/dpkg/lock-frontend") if os.path.exists(path)]
    with open("/proc/locks") as locks:
        return not any(inode in line for line in locks for inode in inodes)


def renew(name, pid, stopping):
    # Told to stop from here on, the next one hears it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    if stopping:
        return
    os.execv("/usr/bin/python3", ["/usr/bin/python3", os.path.abspath(__file__), "--adopt", name, str(pid)])


def keep(name, adopted=None):
    unit = systemctl.settings(name)
    one = lambda key, default: (unit.get("Service." + key) or [default])[-1]
    argv = words(one("ExecStart", "").lstrip("-@:+!"))
    os.umask(int(one("UMask", "0022"), 8))
    for directory in one("StateDirectory", "").split():
        os.makedirs("/var/lib/" + directory, mode=int(one("StateDirectoryMode", "0755"), 8), exist_ok=True)
    for directory in one("RuntimeDirectory", "").split():
        os.makedirs("/run/" + directory, mode=int(one("RuntimeDirectoryMode", "0755"), 8), exist_ok=True)
    user, child, stopping = one("User", "root"), adopted, []
    alone = one("KillMode", "control-group") == "process"

    def stop(*_):
        stopping.append(True)
        if child is not None:
            end(child)

    def end(process):
        try:
            (os.kill if alone else os.killpg)(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass

    signal.signal(signal.SIGTERM, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    as_user = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"] if user != "root" else []
    with open("/var/log/%s.log" % name, "ab", buffering=0) as log:
        while not stopping:
            try:
                child = adopted or subprocess.Popen(as_user + argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                    cwd=one("WorkingDirectory", "/"), env=environment(unit), start_new_session=True)
            except OSError as error:
                log.write(("%s\n" % error).encode())
                note(name, "state", "failed")
                return
            adopted = None
            note(name, "pid", child.pid)
            note(name, "state", "active")
            if stopping:
                end(child)
            code = wait(name, child, stopping, seconds(one("TimeoutStopSec", "20")), alone)
            restart = one("Restart", "no")
            if stopping or not (restart == "always" or restart == "on-failure" and code != 0):
                note(name, "state", "failed" if code != 0 and not stopping else "inactive")
                return
            note(name, "state", "activating")
            deadline = time.time() + seconds(one("RestartSec", "0.1"))
            while not stopping and time.time() < deadline:
                time.sleep(0.05)
    note(name, "state", "inactive")


def wait(name, child, stopping, patience, alone):
    deadline, looked = None, time.time()
    while True:
        if not stopping and time.time() > looked + 2:
            looked = time.time()
            if outdated():
                renew(name, child.pid, stopping)
        code = child.poll()
        if code is not None:
            break
        if stopping and deadline is None:
            deadline = time.time() + patience
        if deadline is not None and time.time() > deadline:
            (os.kill if alone else os.killpg)(child.pid, signal.SIGKILL)
        time.sleep(0.1)
    # What it left behind in its group goes with it, unless the unit says otherwise.
    if alone:
        return code
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return code


def detach(name):
    os.makedirs(STATE, exist_ok=True)
    for kind in ("state", "pid"):
        try:
            os.unlink("%s/%s.%s" % (STATE, name, kind))
        except OSError:
            pass
    if os.fork():
        os.wait()
        return
    # Twice, and a session of its own: PID 1 becomes its parent, as of any daemon.
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.chdir("/")
    note(name, "keeper", os.getpid())
    keep(name)
    os._exit(0)


if sys.argv[1] == "--wanted":
    for link in sorted(glob.glob(systemctl.ETC + "/*.wants/*.service")):
        wanted = systemctl.stem(os.path.basename(link))
        if systemctl.is_native(wanted):
            detach(wanted)
elif sys.argv[1] == "--adopt":
    keep(sys.argv[2], Adopted(int(sys.argv[3])))
else:
    detach(sys.argv[1])
