#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Starts and drives a guest that build.sh made. It needs no rights: its network is a Unix socket in QEMU's stream framing.

usage: guest.py start DIR IMAGE [socket=PATH] [connect=PATH] [user=HOST:GUEST,...] [ip4=A/N] [ip6=A/N] [dump=FILE] [siw.OPTION=1]...
       guest.py run DIR SECONDS COMMAND     in the guest, under `timeout`; prints what it says, ends with its status
       guest.py pause|resume|kill|stop DIR

DIR holds what belongs to the running guest: pid, console, the socket that commands go through. The guest listens on socket=PATH (DIR/net
without it), so that ndisbox comes and goes with `port: stream:PATH`; connect=PATH makes it connect to another guest's instead.
user= puts it behind QEMU's own TCP: 10.77.0.1 and fd77::1 are this machine's loopback, and loopback ports HOST lead to ports GUEST of it.
Options of siw: mpa_crc_required, mpa_crc_strict, peer_to_peer, try_gso. dump=FILE: every frame, as pcap. Exit of start: 3, no QEMU."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

BOOT_SECONDS = 90


def pid_of(place):
    with open(f"{place}/pid") as file:
        return int(file.read())


def start(place, image, words):
    options = dict(word.split("=", 1) for word in words)
    # maxcpus=2: one processor is enough, but where there can be no second one QEMU's TCG leaves out the guest's memory barriers, the virtio
    # device reads the ring in another thread, and a notification of the guest's is lost now and then: it never sends again.
    if not shutil.which("qemu-system-x86_64"):
        print("guest.py: qemu-system-x86_64 is missing", file=sys.stderr)
        return 3
    os.makedirs(place, exist_ok=True)
    command = [
        "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", "256", "-smp", "1,maxcpus=2", "-nodefaults",
        "-no-user-config", "-no-reboot", "-display", "none", "-serial", f"file:{place}/console",
        "-serial", f"unix:{place}/control,server=on,wait=off", "-kernel", f"{image}/vmlinux", "-initrd", f"{image}/initrd.gz",
        "-append", "console=ttyS0 quiet panic=-1 mitigations=off audit=0 random.trust_cpu=on 8250.nr_uarts=2 net.ifnames=0 tsc=reliable "
        + f"nbx.ip4={options.pop('ip4', '10.77.0.2/24')} nbx.ip6={options.pop('ip6', 'fd77::2/64')} "
        + " ".join(f"{key}={value}" for key, value in options.items() if key.startswith("siw.")),
        "-device", "virtio-rng-pci"]
    if "connect" in options:
        command += ["-netdev", f"stream,id=n0,server=off,addr.type=unix,addr.path={options['connect']}"]
    elif "user" in options:
        forward = [pair.split(":") for pair in options["user"].split(",") if pair]
        command += ["-netdev", "user,id=n0,net=10.77.0.0/24,host=10.77.0.1,ipv6-net=fd77::/64,ipv6-host=fd77::1" + "".join(
            f",hostfwd=tcp:127.0.0.1:{host}-10.77.0.2:{inner}" for host, inner in forward)]
    else:
        command += ["-netdev", f"stream,id=n0,server=on,addr.type=unix,addr.path={options.get('socket', place + '/net')}"]
    # The last byte of the MAC is that of the address: guests that are joined differ.
    mac = "52:54:00:77:00:%02x" % (int(command[command.index("-append") + 1].split("nbx.ip4=")[1].split("/")[0].split(".")[3]))
    command += ["-device", f"virtio-net-pci,netdev=n0,romfile=,mac={mac}"]
    if "dump" in options:
        command += ["-object", f"filter-dump,id=dump,netdev=n0,file={options['dump']}"]
    for name in ("console", "control", "net"):
        if os.path.exists(f"{place}/{name}"):
            os.remove(f"{place}/{name}")
    began = time.monotonic()
    with open(f"{place}/qemu", "w") as said:
        guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
    with open(f"{place}/pid", "w") as file:
        file.write(str(guest.pid))
    while time.monotonic() - began < BOOT_SECONDS:
        if os.path.exists(f"{place}/console"):
            with open(f"{place}/console", errors="replace") as file:
                if "nbx: ready" in file.read():
                    print(f"the guest is ready after {time.monotonic() - began:.1f} s")
                    return 0
        if guest.poll() is not None:
            break
        time.sleep(0.05)
    for name in ("qemu", "console"):
        with open(f"{place}/{name}", errors="replace") as file:
            print(file.read()[-2000:], file=sys.stderr)
    print("guest.py: the guest did not come up", file=sys.stderr)
    stop(place, signal.SIGKILL)
    return 1


def run(place, seconds, line):
    """One command at a time. What an earlier caller left unread is skipped: the marker is this call's own."""
    marker = f"@sync-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(seconds + 30)
        control.connect(f"{place}/control")
        control.sendall(f"5 echo {marker}\n{seconds} {line}\n".encode())
        said = b""
        while True:
            bytes_ = control.recv(65536)
            if not bytes_:
                print("guest.py: the guest is gone", file=sys.stderr)
                return 1
            said += bytes_.replace(b"\r", b"")
            _, found, rest = said.partition(f"{marker}\n@@0\n".encode())
            lines = rest.split(b"\n")
            for at, text in enumerate(lines[:-1]):
                status = text.rpartition(b"@@")
                if found and status[1] and status[2].isdigit():
                    sys.stdout.write(b"\n".join(lines[:at] + [status[0]]).decode(errors="replace") + ("\n" if status[0] else ""))
                    return int(status[2])


def stop(place, number):
    try:
        pid = pid_of(place)
        os.kill(pid, number)
    except (OSError, ValueError):
        return 0
    for _ in range(200):
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass
        if not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "Z":
            return 0
        time.sleep(0.05)
    return 1


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    verb, place = sys.argv[1:3]
    if verb == "start":
        return start(place, sys.argv[3], sys.argv[4:])
    if verb == "run":
        return run(place, int(sys.argv[3]), " ".join(sys.argv[4:]))
    if verb in ("pause", "resume"):
        os.kill(pid_of(place), signal.SIGSTOP if verb == "pause" else signal.SIGCONT)
        return 0
    if verb in ("kill", "stop"):
        return stop(place, signal.SIGKILL)
    print(__doc__, file=sys.stderr)
    return 2


sys.exit(main())
