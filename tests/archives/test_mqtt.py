"""A live stream from a real MQTT broker, which is restarted in the middle.

Runs where mosquitto is installed (Debian: apt-get install mosquitto mosquitto-clients); the broker
listens on the loopback only.
"""

import json
import shutil
import socket
import subprocess
import sys
import time

import pandas as pd
import pytest
from archive_data import levels

from transcoder.files import PROJECT_ROOT

BROKER = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
TOPIC = "sensors/p0720/levels"

pytestmark = pytest.mark.skipif(
    not (BROKER and shutil.which("mosquitto_sub")), reason="mosquitto is not installed"
)


class Broker:
    """A broker on a free port of the loopback, whose log tells who has subscribed."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._log = folder / "broker.log"
        self._log.touch()
        self._config = folder / "broker.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")

    def start(self):
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [BROKER, "-c", str(self._config), "-v"], stdout=log, stderr=log
            )
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", self.port)) == 0)

    def stop(self):
        self._process.kill()
        self._process.wait()

    def count(self, words):
        return self._log.read_text().count(words)

    def publish(self, lines):
        command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", TOPIC, "-l"]
        subprocess.run([*command, "-q", "1"], input="".join(lines), text=True, check=True)


def wait_for(is_so, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def records(array, start):
    times = pd.date_range(start, periods=len(array), freq="125ms").strftime("%Y-%m-%dT%H:%M:%S.%f")
    rows = array.round(2).tolist()
    return [
        json.dumps({"phenomenonTime": f"{t}Z", "result": row}) + "\n"
        for t, row in zip(times, rows, strict=True)
    ]


def classified(**streams):
    command = [sys.executable, "classify_third_octave.py", "-", "--method=pinv", "--groups=tvb"]
    return subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True, **streams)


@pytest.mark.parametrize("with_topic", [False, True])
def test_a_broker_that_is_restarted(tmp_path, with_topic):
    first = records(levels(80, seed=1), "2024-05-17T10:00:00")
    second = records(levels(80, seed=2), "2024-05-17T10:00:30")
    broker = Broker(tmp_path)
    broker.start()
    command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", TOPIC, "-q", "1"]
    subscriber = subprocess.Popen([*command, *["-v"] * with_topic], stdout=subprocess.PIPE)
    program = classified(stdin=subscriber.stdout)
    subscriber.stdout.close()
    try:
        wait_for(lambda: broker.count("Sending SUBACK") == 1)
        broker.publish(first)
        # the first seconds are out while the stream runs
        found = [program.stdout.readline() for _ in range(5)]
        broker.stop()
        broker.start()
        wait_for(lambda: broker.count("Sending SUBACK") == 2)
        broker.publish(second)
        found += [program.stdout.readline() for _ in range(10)]
        subscriber.terminate()
        # not communicate(): it does not know of lines that readline() has read ahead
        found += program.stdout.read().splitlines()
        program.wait(timeout=60)
    finally:
        broker.stop()
        for process in (subscriber, program):
            process.kill()
            process.wait()
    assert program.returncode == 0
    direct = classified(stdin=subprocess.PIPE).communicate("".join(first + second))[0]
    assert [json.loads(line) for line in found] == [
        json.loads(line) for line in direct.splitlines()
    ]
    times = [json.loads(line)["time"][16:] for line in found]
    assert times == [f":{s:02d}.000Z" for s in (*range(10), *range(30, 40))]
