"""What the rigs of this folder share: the writer (tests/store_crash.rs), what judges a store, and the words for it."""
import os, pathlib, subprocess, sys, tarfile

BINARY = sys.argv[1]
HERE = pathlib.Path(__file__).resolve().parent
failed = 0


def say(good, words):
    global failed
    failed += not good
    print("ok" if good else "FAILED", words, flush=True)


def run(*args):
    subprocess.run([str(a) for a in args], check=True, capture_output=True)


def test(name, **env):
    args = [BINARY, "--exact", name, "--ignored", "--nocapture"]
    return subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **env})


def verify(store, lines, folder):
    reported = folder / "reported"
    reported.write_text("".join(lines))
    process = test("verify", SONOGRADE_TEST_STORE=str(store), SONOGRADE_TEST_REPORTED=str(reported))
    out = process.communicate()[0]
    return process.returncode == 0, [line for line in out.splitlines() if "panicked" in line or ": " in line][-3:], "has been made anew" in out


def old_store(folder):
    with tarfile.open(HERE.parents[1] / "store/v0.1.0.tar.gz") as tar:
        tar.extractall(folder, [m for m in tar.getmembers() if m.name.split("/")[0] == "store"])


def write_nosync(folder):
    """A library to preload whose fsync does nothing."""
    source, library = folder / "nosync.c", folder / "nosync.so"
    source.write_text("int fsync(int f) { return 0; }\nint fdatasync(int f) { return 0; }\n")
    run("gcc", "-shared", "-fPIC", "-o", library, source)
    return library


def failures():
    return failed
