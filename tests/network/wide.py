"""Test case 2 on five hosts with 300 ms round trips, plain and through WireGuard: what takes how long.

wide.py SYNOD [ROUND_TRIP_SECONDS]

Prints a table. Needs root, iproute2 and a TUN device (delay.py), for WireGuard also wireguard-go and
wg; what is missing is said and skipped. Everything is removed at the end.
"""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROLES = ["proposer1", *["acceptor1,acceptor2"] * 3, "proposer2"]
PATIENCE = 120
# All namespaces of this machine share one folder of WireGuard's sockets, so devices have names of
# their own.
PREFIX = f"synod{os.getpid() % 10000}-"


class Hosts:
    """Namespaces with a delay between them (delay.py)."""

    def __init__(self, round_trip):
        words = [sys.executable, f"{HERE}/delay.py", "5", str(round_trip / 2), "0"]
        pipe = subprocess.PIPE
        self.carrier = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True)
        line = self.carrier.stdout.readline()
        self.names = line.split()
        if not line.startswith("synod-test-"):
            sys.exit(f"skipped: {line.strip()}")

    def order(self, what):
        self.carrier.stdin.write(what + "\n")
        self.carrier.stdin.flush()

    def words(self, number, *words):
        return ["ip", "netns", "exec", self.names[number - 1], *words]

    def run(self, number, *words, **more):
        subprocess.run(self.words(number, *words), check=True, **more)

    def close(self):
        self.carrier.stdin.close()
        self.carrier.wait()


def tunnel(hosts, folder):
    """WireGuard between all of them, as docs/deploy.md says; host N is 10.78.0.N inside."""
    keys, devices = {}, {}
    for n in range(1, 6):
        secret = subprocess.run(["wg", "genkey"], check=True, capture_output=True).stdout
        public = subprocess.run(["wg", "pubkey"], check=True, capture_output=True, input=secret)
        keys[n] = public.stdout.decode().strip()
        path = f"{folder}/key{n}"
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secret)
    for n in range(1, 6):
        device = devices[n] = f"{PREFIX}{n}"
        hosts.run(n, "wireguard-go", device, stderr=subprocess.DEVNULL)
        words = ["wg", "set", device, "private-key", f"{folder}/key{n}", "listen-port", "51820"]
        for other in (other for other in keys if other != n):
            words += ["peer", keys[other], "allowed-ips", f"10.78.0.{other}/32"]
            words += ["endpoint", f"10.77.0.{other}:51820", "persistent-keepalive", "25"]
        hosts.run(n, *words)
        hosts.run(n, "ip", "addr", "add", f"10.78.0.{n}/24", "dev", device)
        hosts.run(n, "ip", "link", "set", device, "up")
    begun = time.time()
    # Two that greet each other at the same time try again after five seconds.
    for n, device in devices.items():
        until = time.time() + PATIENCE
        while time.time() < until:
            words = hosts.words(n, "wg", "show", device, "latest-handshakes")
            shown = subprocess.run(words, check=True, capture_output=True, text=True).stdout
            if shown and all(int(line.split()[1]) for line in shown.splitlines()):
                break
            time.sleep(0.1)
    return time.time() - begun


class Peers:
    def __init__(self, synod, hosts, folder, network):
        self.synod, self.hosts, self.folder, self.running = synod, hosts, folder, {}
        with open(f"{folder}/hosts", "w") as file:
            file.writelines(f"{network}.{n}:{roles}\n" for n, roles in enumerate(ROLES, 1))

    def start(self, n, *words):
        common = ["-h", f"{self.folder}/hosts", "--id", str(n), "--data", f"{self.folder}/{n}"]
        trace = ["--trace", f"{self.folder}/trace{n}"]
        command = self.hosts.words(n, self.synod, *common, *trace, *words)
        null = subprocess.DEVNULL
        self.running[n] = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)
        return time.time()

    def kill(self, n):
        # `ip netns exec` becomes the peer itself.
        self.running[n].kill()
        self.running.pop(n).wait()

    def times(self, n, **keys):
        """When this peer wrote such lines, in seconds."""
        found = []
        with open(f"{self.folder}/trace{n}") as file:
            for text in file:
                line = json.loads(text)
                if all(line.get(key) == value for key, value in keys.items()):
                    found.append(line["time_us"] / 1e6)
        return found

    def wait(self, n, since, count=1, **keys):
        """When it wrote the count-th such line after this."""
        until = time.time() + PATIENCE
        while time.time() < until:
            try:
                found = [at for at in self.times(n, **keys) if at >= since]
            except (OSError, ValueError):
                found = []
            if len(found) >= count:
                return found[count - 1]
            time.sleep(0.05)
        sys.exit(f"peer{n} has not written {keys} in {PATIENCE} s")

    def check(self):
        traces = [f"{self.folder}/trace{n}" for n in range(1, 6)]
        words = [self.synod, "check", *traces, "--hosts", f"{self.folder}/hosts", "--expect", "X"]
        checked = subprocess.run(words, capture_output=True, text=True)
        print("  " + checked.stdout.splitlines()[-1])
        return checked.returncode == 0

    def close(self):
        for n in list(self.running):
            self.kill(n)


def measure(synod, hosts, network):
    with tempfile.TemporaryDirectory() as folder:
        def row(what, seconds):
            print(f"  {what:<58} {seconds:7.2f} s", flush=True)

        if network == "10.78.0":
            row("until every tunnel has met its other end", tunnel(hosts, folder))
        peers = Peers(synod, hosts, folder, network)
        try:
            begun = 0
            for n in range(1, 6):
                begun = peers.start(n, *{1: ["-v", "X"], 5: ["-v", "Y", "-t", "6"]}.get(n, []))
            asked = peers.wait(1, 0, action="sent", message_type="prepare")
            row("start to the first question (all linked)", asked - begun)
            row("question to choice, at peer1", peers.wait(1, 0, action="chose") - asked)
            known = max(peers.wait(n, 0, action="chose") for n in (1, 2, 3, 4))
            row("question to choice, at the last acceptor", known - asked)
            asked = peers.wait(5, 0, action="sent", message_type="prepare")
            row("peer5 proposes Y and finds X", peers.wait(5, 0, action="chose") - asked)
            peers.kill(3)
            again = peers.start(3)
            row("kill -9 and restart until it knows the choice",
                peers.wait(3, again, action="chose") - again)
            hosts.order("cut")
            time.sleep(20)
            hosts.order("heal")
            healed = time.time()
            row("20 s without any packet; from then until all are linked",
                max(peers.wait(n, healed, 1, action="connected") for n in range(1, 6)) - healed)
            return peers.check()
        finally:
            peers.close()


def main():
    synod = os.path.abspath(sys.argv[1])
    round_trip = float(sys.argv[2]) if len(sys.argv) > 2 else 0.3
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    hosts = Hosts(round_trip)
    try:
        print(f"round trips of {round_trip * 1000:.0f} ms, plain:")
        passed = measure(synod, hosts, "10.77.0")
        if shutil.which("wireguard-go") and shutil.which("wg"):
            print("the same through WireGuard:")
            passed &= measure(synod, hosts, "10.78.0")
        else:
            print("skipped: there is no wireguard-go or no wg")
    finally:
        hosts.close()
        # What killed tunnels leave.
        for path in glob.glob(f"/var/run/wireguard/{PREFIX}*.sock"):
            os.unlink(path)
    sys.exit(0 if passed else 1)


main()
