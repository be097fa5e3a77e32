# SPDX-License-Identifier: GPL-2.0
"""Where things are, and how a script fails: with one line."""
import argparse
import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2]
TOP = Path(os.environ.get("EXECMEM_TOP", SCRIPTS.parent))
PATCHES = TOP / "patches"
SERIES = TOP / "series"
BUILD = TOP / "build"


FULL = "no space left on device: free some, then run this again"


class Fault(Exception):
    """Bad input or a failed step: its text is what the user gets to read."""


def note(text):
    """Progress goes to stderr, so that stdout stays for answers."""
    clear = "\r\033[K" if sys.stderr.isatty() else ""     # what progress has left
    print(f"{clear}{Path(sys.argv[0]).name}: {text}", file=sys.stderr, flush=True)


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, in the words of lib.sh."""

    def error(self, message):
        note(f"{message} (see --help)")
        sys.exit(2)

    def parse_args(self, args=None, namespace=None):
        args, rest = self.parse_known_args(args, namespace)
        if rest:
            self.error(f"unknown option '{rest[0]}'" if rest[0].startswith("-") else
                       f"unexpected argument '{rest[0]}'")
        return args


def parser(doc, *environment):
    """For a script with this description, which also reads these variables."""
    words = [*(f"[{name}]" for name in environment), Path(sys.argv[0]).name]
    return Parser(prog=" ".join(words), description=doc.strip(), allow_abbrev=False,
                  formatter_class=argparse.RawDescriptionHelpFormatter)


def report(faults, good):
    """Print the faults, or that all is good; the exit status for it."""
    print("\n".join(faults) or good)
    return 1 if faults else 0


def show(text):
    """Progress: one line of a terminal, rewritten; a line every 30 s elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{Path(sys.argv[0]).name}: {text}", end="", file=sys.stderr,
              flush=True)
    elif time.monotonic() - show.last >= 30:
        show.last = time.monotonic()
        note(text)


show.last = time.monotonic()


def enter_environment():
    """Start again through lib.sh, which cleans and checks the environment, unless a
    script of ours has done so."""
    if "EXECMEM_ENVIRONMENT" in os.environ or {"-h", "--help"} & {*sys.argv[1:]}:
        return
    script = os.path.abspath(sys.argv[0])
    os.execvp("bash", ["bash", "-c", '. "$1" "" && exec "${@:2}"', script,
                       SCRIPTS / "lib/lib.sh", script, *sys.argv[1:]])


def explain(error):
    """An OSError in one line: what failed, on what, and the remedy."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FULL
    if error.errno == errno.ENOENT and "/" not in str(error.filename):
        return f"{error.filename} is not installed: run 'make setup'"
    return f"{error.filename or 'input or output'}: {error.strerror}"


@contextlib.contextmanager
def uninterrupted():
    """Ctrl-C comes before or after."""
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


def interrupted(*_):
    raise KeyboardInterrupt


def run_main(main):
    """Run main(argv); a failure is one line and exit status 1."""
    enter_environment()
    signal.signal(signal.SIGTERM, interrupted)
    try:
        sys.exit(main(sys.argv[1:]))
    except Fault as fault:
        note(fault)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        note(explain(error))
    except KeyboardInterrupt:
        note("interrupted")
        sys.exit(130)
    sys.exit(1)


def output(command, what, **kwargs):
    """The output of a command that must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          check=False, **kwargs)
    if done.returncode:
        raise Fault(f"{what} failed" + (f": {done.stderr.strip()}" if
                                        done.stderr else ""))
    return done.stdout


def in_lib_sh(command, *args):
    """The output of a function of lib.sh."""
    command = f'. "$0"; {command} "$@"'
    return output(["bash", "-c", command, SCRIPTS / "lib/lib.sh", *args], "lib.sh")


def set_up(*needs):
    """Install the packages that are missing for a command."""
    in_lib_sh("set_up", *needs)


def base_dir(**changes):
    """The pristine base, fetched or extracted if need be; the changes to the environment
    choose another one."""
    env = {name: value for name, value in {**os.environ, **changes}.items() if value}
    done = subprocess.run([SCRIPTS / "steps/source"], stdout=subprocess.PIPE,
                          text=True, check=False, env=env)
    if done.returncode:
        sys.exit(1)     # it has said why
    return Path(done.stdout.strip())


def tree_dir():
    """The work tree's place; lib.sh knows the rule."""
    return Path(in_lib_sh("tree_dir").strip())


def patched_tree():
    """The work tree, brought up to date."""
    return Path(output([SCRIPTS / "tree"], "scripts/tree").strip())


def plain_git_env():
    """An environment in which no user's git settings change our output."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1",
               LC_ALL="C", TZ="UTC",
               GIT_AUTHOR_NAME="identity", GIT_AUTHOR_EMAIL="identity@invalid",
               GIT_COMMITTER_NAME="identity",
               GIT_COMMITTER_EMAIL="identity@invalid")
    return env
