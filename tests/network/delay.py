"""Network namespaces whose packets take their time: delay.py COUNT ONE_WAY_SECONDS WAVE_SECONDS

Each namespace has a TUN device with the address 10.77.0.N (N from 1), and this program carries the
packets between them: late by the first time, and in every other ten seconds by the second time more.
It prints the namespaces' names when they are there. Orders come on standard
input: `cut` drops every packet from now on, `heal` ends that. When standard input ends, processes
in the namespaces are killed and the namespaces removed, so nothing outlives whoever started this.

Exit 77: this machine cannot do that (not root, no TUN device, no iproute2); the reason is printed.
"""

import fcntl
import heapq
import os
import re
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PREFIX = "synod-test-"


def ip(*words):
    subprocess.run(("ip", *words), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def listed(*words):
    command = ("ip", *words)
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return ran.stdout


def remove(name):
    for pid in listed("netns", "pids", name).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    subprocess.run(("ip", "netns", "del", name), stdin=subprocess.DEVNULL)


def remove_leftovers():
    """What a run left that was itself killed."""
    for name in re.findall(rf"^{PREFIX}\d+-\d+", listed("netns", "list"), re.M):
        if not os.path.exists(f"/proc/{name[len(PREFIX):].split('-')[0]}"):
            remove(name)


def open_tun(device):
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def set_up(name, number):
    """A namespace with its device; returns the device's file."""
    device = f"sy{os.getpid()}.{number}"
    ip("netns", "add", name)
    tun = open_tun(device)
    ip("link", "set", device, "netns", name)
    ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", device)
    ip("-n", name, "link", "set", "lo", "up")
    ip("-n", name, "link", "set", device, "up")
    return tun


def carry(tuns, delay, wave):
    """Carries packets until standard input ends."""
    waiting, order, is_cut = [], 0, False
    selector = selectors.DefaultSelector()
    for tun in tuns.values():
        selector.register(tun, selectors.EVENT_READ)
    selector.register(0, selectors.EVENT_READ)
    while True:
        timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for key, _ in selector.select(timeout):
            if key.fd == 0:
                said = os.read(0, 100).decode().split()
                if not said:
                    return
                is_cut = said[-1] == "cut"
                continue
            packet = os.read(key.fd, 65536)
            # IPv4 only; the last byte of the destination is the namespace's number.
            to = tuns.get(packet[19]) if packet[0] >> 4 == 4 else None
            if to is not None and not is_cut:
                order, now = order + 1, time.monotonic()
                late = delay + wave * (now // 10 % 2)
                heapq.heappush(waiting, (now + late, order, to, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, to, packet = heapq.heappop(waiting)
            try:
                os.write(to, packet)
            except OSError:
                pass  # A full device drops packets, as networks do.


def obstacle():
    """Why this machine cannot do it, if so."""
    if os.geteuid() != 0:
        return "not root"
    if shutil.which("ip") is None:
        return "no iproute2"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"/dev/net/tun: {error.strerror}"
    return None


def main():
    count, delay, wave = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    if why := obstacle():
        print(why)
        sys.exit(77)
    # Whoever stops this lets it clean up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    remove_leftovers()
    names = [f"{PREFIX}{os.getpid()}-{number}" for number in range(1, count + 1)]
    try:
        tuns = {number: set_up(name, number) for number, name in enumerate(names, 1)}
        print(" ".join(names), flush=True)
        carry(tuns, delay, wave)
    finally:
        for name in names:
            remove(name)


main()
